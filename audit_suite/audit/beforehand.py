"""What was fixed before the data were seen, and how often their patients were looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audit_suite.audit.opening import Audit
from audit_suite.cards import DatasetCard
from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.record import Deviation, Provenance, Record
from audit_suite.releases.fixed import departures, freeze_path, margins_digest, read_freeze
from audit_suite.releases.ledger import Judged, Line, append, read_ledger, refuse_unwritable
from audit_suite.releases.looks import count_looks
from audit_suite.releases.patients import Patients, secret_of, sketch


@dataclass(frozen=True)
class Beforehand:
    """What the record says of it.

    Attributes:
        notes: All of it, in sentences.
        deviations: What of it is not as it should be.
    """

    notes: list[str]
    deviations: list[Deviation]


def beforehand(audit: Audit, provenance: Provenance) -> Beforehand:
    """Whether an audit kept to what was fixed, and which look at the patients it is.

    Args:
        audit: Policy, cards and settings.
        provenance: What is judged.
    """
    summary = Beforehand([], [])
    for note, shuts in (*_fixed(audit), *_looks(audit, provenance)):
        summary.notes.append(note)
        if shuts is not None:
            summary.deviations.append(Deviation(what=note, never_opens=shuts))
    return summary


_Said = tuple[str, bool | None]  # a sentence; whether it keeps the gate shut, None if all is well


def _fixed(audit: Audit) -> Iterator[_Said]:
    policy, file = audit.policy, audit.settings.policy
    path = None if file is None else freeze_path(file)
    if path is None or not (policy.frozen or path.exists()):
        return
    try:
        frozen = read_freeze(path)
    except AuditError as error:
        yield error.what, policy.frozen
        return
    deviations = list(departures(frozen, policy.digest(), audit.models, audit.datasets))
    yield from ((departure, policy.frozen) for departure in deviations)
    if not deviations:
        on = frozen.time.date()
        yield f"policy, margins and claims were fixed on {on}, and this audit kept to them", None


def _looks(audit: Audit, provenance: Provenance) -> Iterator[_Said]:
    """The nth model judged on these patients, by the ledger, if there is one."""
    policy, path = audit.policy, audit.settings.ledger
    if path is None:
        return
    try:
        ledger = read_ledger(path)
        if ledger.problems:
            yield f"the ledger {path.name} is broken: {ledger.problems[0]}", not policy.spent_opens
        refuse_unwritable(path)
    except AuditError as error:
        yield f"{error.what}, so that this look is not counted", not policy.spent_opens
        return
    margins = margins_digest(policy.digest(), audit.models, audit.datasets)
    for dataset in _datasets(audit):
        if dataset.patients is None:
            yield (
                f"the patients of {dataset.name} cannot be counted, as no secret can be kept "
                f"beside its card: looks are counted by the digest of the data",
                False,
            )
        for model in provenance.models:
            looks = count_looks(ledger.entries, model.digest, dataset, margins)
            said = looks.sentence(model.name, dataset.name)
            allowed = looks.allowed(policy.looks)
            if looks.number > allowed:
                declared = "1 look was" if allowed == 1 else f"{allowed} looks were"
                when = " before the first" if allowed < policy.looks else ""
                yield f"{said}; {declared} declared{when}: test set spent", not policy.spent_opens
            else:
                yield said, None


def enter(audit: Audit, record: Record) -> dict[str, Any]:
    """Add an audit to its ledger, if it has one.

    Args:
        audit: Names the ledger.
        record: Whole, with its digest.

    Returns:
        The number and hash of its entry, or why there is none, for ``environment``.
    """
    path = audit.settings.ledger
    if path is None:
        return {}
    entry = Line(
        number=0,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        models=tuple(Judged(name=m.name, digest=m.digest) for m in record.provenance.models),
        datasets=tuple(_datasets(audit)),
        policy=audit.policy.digest(),
        margins=margins_digest(audit.policy.digest(), audit.models, audit.datasets),
        looks=audit.policy.looks,
        decision=record.decision,
        record=record.digest,
        previous="",
    )
    try:
        written = append(path, entry)
    except AuditError as error:
        return {"ledger": {"problem": error.what}}
    return {"ledger": {"entry": written.number, "hash": written.hash}}


def _datasets(audit: Audit) -> Iterator[Judged]:
    for card in audit.datasets:
        try:
            dataset = audit.source.dataset(card)
        except AuditError:
            continue  # the findings on this data set name the problem
        yield Judged(name=card.name, digest=dataset.digest, patients=patients_of(card, dataset))


def patients_of(card: DatasetCard, dataset: Dataset) -> Patients | None:
    """A sketch of the patients of a data set; None where no secret can be kept.

    Made-up patients need none, and belong to their data set alone, though all such sets call them
    by the same names.

    Args:
        card: The data set's card.
        dataset: What it describes.
    """
    made_up = card.reader == "phantom"
    secret = dataset.digest.encode() if made_up else secret_of(card.path.parent)
    return None if secret is None else sketch((case.patient for case in dataset.cases), secret)
