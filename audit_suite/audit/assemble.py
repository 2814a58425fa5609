"""Put the record together from findings, cards and stored evidence."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from audit_suite.audit.gate import count_verdicts, decide_by
from audit_suite.audit.opening import Audit
from audit_suite.audit.policy_record import policy_record
from audit_suite.audit.same_error import merge_same_errors
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.calibration import calibration
from audit_suite.cards import ModelCard, canonical_digest, internal_card
from audit_suite.causes import name_causes
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import pair
from audit_suite.models.vetting import code_of
from audit_suite.record import (
    DatasetRecord,
    EstimateRecord,
    Finding,
    ModelRecord,
    Provenance,
    ReadingsRecord,
    Record,
    SettingsRecord,
)
from audit_suite.report.section import Gathered
from audit_suite.sections import collect_sections
from audit_suite.sections.reach import patients_needed_at
from audit_suite.statistics import holm

_STARTED = time.monotonic()
_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchvision",
    "safetensors",
    "pydantic",
    "pytest",
)


def assemble(
    audit: Audit,
    findings: Sequence[Finding],
    requests: Sequence[ScoreRequest],
    problems: Sequence[str] = (),
) -> Record:
    """Decide, and build the record; inputs and profile determine all but ``environment``.

    The decision is drawn here, once, from the findings that are written. What breaks while pictures
    or descriptions are collected costs only those, and closes the gate.

    Args:
        audit: Settings, policy, cards and evidence.
        findings: One per planned case, in natural order; p values are adjusted in place.
        requests: The planned scores (`plan.shown_requests`), for pictures and excluded images.
        problems: What closes the gate apart from findings.
    """
    _adjust(findings)
    settings, source = audit.settings, audit.source
    broken: list[str] = []
    with _noting(broken, "the pictures of the report"):
        sections = collect_sections(Gathered(audit.cells, findings, requests, source))
    if broken:
        sections = {"gallery": []}
    datasets: list[DatasetRecord] = []
    with _noting(broken, "the description of the data sets"):
        datasets = _datasets(audit, requests)
    broken += sections.get("broken_sections", {}).values()
    policy = policy_record(audit, findings, [*problems, *broken])
    written = merge_same_errors(findings)
    gate = decide_by(written, policy)
    record = Record(
        decision=gate.decision,
        decision_reason=gate.reason,
        targets=target_decisions(written, policy, patients_needed_at(sections)),
        policy=policy,
        counts=count_verdicts(written),
        findings=written,
        causes=name_causes(findings),
        **sections,
        provenance=Provenance(
            audit_suite=importlib.metadata.version("audit-suite"),
            settings=SettingsRecord(
                confidence=settings.confidence,
                multiplicity=settings.multiplicity,
                seed=settings.seed,
                profile=settings.profile,
                max_cases=settings.max_cases,
                max_explained=settings.max_explained,
                explain_budget=settings.explain_budget if settings.max_explained is None else None,
                folds=settings.folds,
                maskings=list(settings.maskings),
            ),
            evidence_profile=source.profile.summary(),
            models=_models(audit),
            datasets=datasets,
            readings=_readings(source),
            calibration=calibration(),
        ),
        environment=_environment()
        | source.executor.summary()
        | _precisions(source)
        | _discarded(source, requests),
    )
    record.digest = record.content_digest()
    return record


@contextmanager
def _noting(problems: list[str], what: str) -> Iterator[None]:
    """Note an exception as a problem: the findings are there, and the record must be written."""
    try:
        yield
    except Exception as error:
        kind = "" if isinstance(error, AuditError) else f"{type(error).__name__}: "
        problems.append(f"{what} could not be made: {kind}{error}")


def _adjust(findings: Sequence[Finding]) -> None:
    """Record Holm-adjusted p values beside the raw ones.

    Comparisons are adjusted over all cases of their check. Values that are reported without a rule
    are adjusted over the cases of their check in one cell, which form one table of the report.
    """
    comparisons = defaultdict(list)
    reported: dict[tuple[str, ...], list[EstimateRecord]] = defaultdict(list)
    for finding in findings:
        for position, comparison in enumerate(finding.comparisons):
            comparisons[finding.check, position].append(comparison)
        for estimate in finding.observations[:1]:
            if "p" in estimate.at:
                family = finding.check, finding.model, finding.dataset, finding.target
                reported[family].append(estimate)
    for cases in comparisons.values():
        adjusted = holm([comparison.p_raw for comparison in cases])
        for comparison, p_holm in zip(cases, adjusted, strict=True):
            comparison.p_holm = p_holm
    for estimates in reported.values():
        adjusted = holm([float(estimate.at["p"]) for estimate in estimates])
        for estimate, p_holm in zip(estimates, adjusted, strict=True):
            estimate.at["p_holm"] = p_holm


def _models(audit: Audit) -> list[ModelRecord]:
    models = []
    for cell in {(c.model, c.folds): c for c in audit.cells}.values():
        card = cell.model
        try:
            digests = [audit.source.model_digest(card, fold) for fold in cell.folds]
            digest = digests[0] if len(digests) == 1 else canonical_digest(digests)
        except AuditError:
            continue  # the findings of this model name the problem with its files
        models.append(
            ModelRecord(
                name=cell.model_name,
                digest=digest,
                version=card.version,
                intended_use=card.intended_use,
                description=card.description,
                loader=card.loader,
                architecture=card.architecture or "",
                runs_code=code_of(card),
                targets=list(card.targets),
                input=card.input.model_dump(mode="json"),
                notes=_model_notes(audit.source, card, cell.folds),
            )
        )
    return models


def _model_notes(source: EvidenceSource, card: ModelCard, folds: Sequence[int | None]) -> list[str]:
    return list(dict.fromkeys(n for fold in folds for n in source.model_notes(card, fold)))


def _datasets(audit: Audit, requests: Sequence[ScoreRequest]) -> list[DatasetRecord]:
    from audit_suite.datasets import describe

    datasets = []
    internal = [internal_card(card) for card in audit.datasets]
    cards = dict.fromkeys([*audit.datasets, *(card for card in internal if card is not None)])
    for card in cards:
        try:
            dataset = audit.source.dataset(card)
        except AuditError:
            continue  # the findings on this data set name the problem with it
        unread = _unread(audit.source, [r for r in requests if r.dataset == card])
        record = describe(dataset, unread)
        effort = audit.source.explaining.effort(len(dataset.cases), len(card.targets))
        record.explained = {"images": effort.images}
        if effort.draws is not None:
            record.explained["draws"] = effort.draws
        datasets.append(record)
    return datasets


def _unread(source: EvidenceSource, requests: Sequence[ScoreRequest]) -> tuple[str, ...]:
    """Why images could not be read, by row; the same under every masking."""
    tables = (source.read_stored(request) for request in requests)
    return next((table.excluded for table in tables if table is not None), ())


def _readings(source: EvidenceSource) -> ReadingsRecord | None:
    """The readings used in the audit; None if there are none."""
    readings = source.readings
    if readings is None:
        return None
    remarks: Any = {
        "readings": {"__all__": {"about": {"name"}, "answers": {"__all__": {"comment"}}}}
    }
    content = readings.model_dump(mode="json", by_alias=True, exclude=remarks)
    return ReadingsRecord(
        dataset=readings.key.dataset,
        digest=canonical_digest(content),
        readers=[reading.described for reading in readings.readings],
        n_items=len(readings.key.items),
        chosen_by=readings.key.model,
    )


def _precisions(source: EvidenceSource) -> dict[str, Any]:
    """What was measured before a precision was chosen, if one was."""
    measured = source.precisions.summary()
    return {"precisions": measured} if measured else {}


def _discarded(source: EvidenceSource, requests: Sequence[ScoreRequest]) -> dict[str, Any]:
    """That stored evidence of a model was found to be another's, and computed again."""
    lines: list[str] = []
    for request in {pair(request): request for request in requests}.values():
        try:
            lines += source.store.discarded(source.subject(request))
        except AuditError:
            continue  # the findings of this model name the problem
    return {"discarded_evidence": lines} if lines else {}


def _environment() -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _STARTED, 1),
    }
