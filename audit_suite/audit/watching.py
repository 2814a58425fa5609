"""Watch new cases: drift against an audit, and its required checks where labels have come."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from audit_suite.audit.keeping import model_digest
from audit_suite.audit.opening import Audit, open_audit
from audit_suite.audit.policy import Policy
from audit_suite.audit.run import judged, planned_checks
from audit_suite.audit.settings import Settings
from audit_suite.audit.suites import shipped_suites, suite_of
from audit_suite.audit.verify import load_verified
from audit_suite.cards import DatasetCard, audited_card, load_dataset_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell
from audit_suite.maskings import Full
from audit_suite.needs.scores.two_sets import fresh_cases
from audit_suite.record import Record

_ASKED = tomllib.loads(Path(__file__).with_name("watch_policy.toml").read_text(encoding="utf-8"))
REQUIRED, GUARDS = tuple(_ASKED["required"]), tuple(_ASKED["guards"])


def watch(
    new_cases: Path,
    baseline: Path,
    *,
    model: Path | None = None,
    dataset: Path | None = None,
    by: Sequence[str] = (),
    progress: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> Record:
    """Compare new cases with those of an audit.

    Args:
        new_cases: Card of the new cases; ``unlabelled = true`` if they have no labels yet.
        baseline: The audit's record.
        model: The audited model's card; None for the one that the record names.
        dataset: The audited data set's card; likewise.
        by: Tags by whose values to compare too, in place of the card's ``watch_by``.
        progress: Called with a line of text now and then.
        **settings: Of `Settings`, such as ``evidence``: where the audit's evidence is.

    Returns:
        A record like any other. Its policy requires that scores do not drift and, of labelled
        cases, what the audit's policy required.

    Raises:
        AuditError: If no honest comparison can be drawn: the record was altered, is of another
            model, data set or target, its evidence is not there, or the patients are the same.
    """
    record = load_verified(baseline)
    audit = _opened(record, baseline, new_cases, model, dataset, tuple(by), settings)
    source = audit.source
    try:
        source.executor.start(audit.models[0])
        for cell in audit.cells:
            _refuse_other_evidence(cell, audit, record, baseline)
        wanted = _asked(audit.policy, audit.cells)
        suites = [name for name in shipped_suites() if name in {suite_of(id) for id in wanted}]
        command = f"audit-suite watch {new_cases} --baseline {baseline}"
        planned = planned_checks(audit, suites, only=wanted)
        mine = [(replace(case, command=command), function) for case, function in planned]
        new_record, _ = judged(audit, mine, progress)
    finally:
        source.close()
    new_record.sections["drift"] = {
        "baseline": record.digest,
        "decision": record.decision,
        "dataset": audited_of(audit.datasets[0]).name,
    }
    new_record.digest = new_record.content_digest()
    return new_record


def audited_of(card: DatasetCard) -> DatasetCard:
    """The audited data set of a card of new cases, which a watch has filled in."""
    audited = audited_card(card)
    assert audited is not None
    return audited


def _opened(
    record: Record,
    baseline: Path,
    new_cases: Path,
    model: Path | None,
    dataset: Path | None,
    by: tuple[str, ...],
    settings: dict[str, Any],
) -> Audit:
    held, profile = record.provenance.settings, record.provenance.evidence_profile
    there = dataset or _named(record, baseline, "dataset", "data set")
    card = _watched(load_dataset_card(new_cases), there.resolve(), by)
    chosen = Settings(
        models=((model or _named(record, baseline, "model", "model")).resolve(),),
        datasets=(new_cases.resolve(),),
        suites=("watch",),
        folds=held.folds,
        confidence=held.confidence,
        multiplicity=held.multiplicity,
        **{"seed": held.seed, "batch_size": profile.get("batch_size"), **settings},
    )
    audit = open_audit(chosen)
    policy = Policy.model_validate(record.policy.content)
    audited = {(finding.model, finding.target) for finding in record.findings}
    cells = tuple(
        replace(cell, dataset=card)
        for cell in audit.cells
        if (cell.model_name, cell.target) in audited
    )
    audited_models = sorted({model for model, _ in audited})
    if not {cell.model_name for cell in audit.cells} & set(audited_models):
        raise AuditError(
            f"the audit of {baseline} is of {', '.join(audited_models)}, not of "
            f"'{audit.models[0].name}'",
            "name the card of the audited model with --model",
        )
    if not cells:
        known = sorted({finding.target for finding in record.findings})
        raise AuditError(
            f"{new_cases} has the targets {sorted(card.targets)}, and the audit of {baseline} has "
            f"{known}",
            "give the target the name that it has in the audit (key 'targets')",
        )
    return replace(
        audit, datasets=(card,), cells=cells, policy=_policy(policy, not card.unlabelled)
    )


def _named(record: Record, baseline: Path, option: str, kind: str) -> Path:
    """The card that the record's own command lines name."""
    named = dict.fromkeys(_in_commands(record, f"--audit-{option}"))
    paths = [path for path in named if path.is_file()]
    if len(paths) == 1:
        return paths[0]
    where = "several" if paths else "none that is there"
    raise AuditError(
        f"{baseline} names {where} of the {kind} cards: {', '.join(map(str, named)) or 'none'}",
        f"name the audited one with --{option}, or start in the folder of the audit",
    )


def _in_commands(record: Record, option: str) -> Iterator[Path]:
    for finding in record.findings:
        words = shlex.split(finding.command)
        for word, value in pairwise(words):
            if word == option:
                yield Path(value)


def _watched(card: DatasetCard, audited: Path, by: tuple[str, ...]) -> DatasetCard:
    if unknown := sorted(set(by) - set(card.metadata)):
        raise AuditError(
            f"--by names {unknown}, which {card.path} does not declare under 'metadata'",
            f"declared: {', '.join(card.metadata) or 'none'}",
        )
    chosen = {"audited": str(audited), "watch_by": by or card.watch_by}
    watched = card.model_copy(update=chosen)
    there = audited_of(watched)
    if unknown := sorted(set(watched.watch_by) - set(there.metadata)):
        raise AuditError(
            f"{there.path} declares no {unknown} under 'metadata', by which {card.path} is watched",
            "name tags that both cards declare",
        )
    return watched


def _policy(policy: Policy, labelled: bool) -> Policy:
    """The audit's policy, with what is asked of new cases."""
    kinds = tuple(
        kind.model_copy(
            update={"required": (*REQUIRED, *(kind.required if labelled else ())), "asked": ()}
        )
        for kind in policy.targets
    )
    name = f"watch by {policy.name}"
    return policy.model_copy(update={"name": name, "targets": kinds, "main": ()})


def _asked(policy: Policy, cells: Sequence[Cell]) -> list[str]:
    required = [id for cell in cells for id in policy.kind(cell.target).required]
    return list(dict.fromkeys([*required, *GUARDS]))


def _refuse_other_evidence(cell: Cell, audit: Audit, record: Record, baseline: Path) -> None:
    source, there = audit.source, replace(cell, dataset=audited_of(cell.dataset))
    models = {model.name: model.digest for model in record.provenance.models}
    if models.get(cell.model_name) != model_digest(cell, audit.source):
        raise AuditError(
            f"{cell.model.path} is another model than '{cell.model_name}' in {baseline}: its "
            f"weights, preprocessing or code differ",
            "name the card of the audited model with --model, or audit this one first",
        )
    datasets = {dataset.name: dataset.digest for dataset in record.provenance.datasets}
    new, old = source.dataset(cell.dataset), source.dataset(there.dataset)
    if datasets.get(there.dataset.name) != old.digest:
        raise AuditError(
            f"{there.dataset.path} is not the data set '{there.dataset.name}' of {baseline}: "
            f"images, labels or masks differ, or the audit took a sample of them",
            "name the card of the audited data set with --dataset, as it was",
        )
    if new.digest == old.digest or not fresh_cases(new, old).any():
        raise AuditError(
            f"all patients of {cell.dataset.path} are in the audited data set: nothing is new",
            "name new patients; those of both data sets are left out of the comparison",
        )
    if any(source.missing(request) for request in there.requests(Full())):
        raise AuditError(
            f"the evidence of {baseline} is not in {audit.settings.evidence}: the scores of "
            f"'{cell.model_name}' on '{there.dataset.name}' are missing",
            "give the folder of the audit with --evidence, on a machine of its kind, or repeat it",
        )
