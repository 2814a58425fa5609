"""Put the record together from findings, cards and stored evidence."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, Request
from audit_suite.evidence.gallery import gallery
from audit_suite.gate import Gate, count_verdicts
from audit_suite.record import (
    CausesRecord,
    DatasetRecord,
    Finding,
    ModelRecord,
    Policy,
    Provenance,
    Record,
)
from audit_suite.statistics import holm

if TYPE_CHECKING:
    from pytest_audit.session import Audit

_STARTED = time.monotonic()
_PACKAGES = ("numpy", "scipy", "torch", "torchvision", "safetensors", "pydantic", "pytest")


def assemble(
    audit: Audit, findings: Sequence[Finding], gate: Gate, requests: Sequence[Request]
) -> Record:
    """Build the record; everything outside ``environment`` is decided by inputs and profile.

    Args:
        audit: Settings, cards and evidence.
        findings: One a planned case, sorted by id.
        gate: The decision.
        requests: The evidence that was planned, for the gallery and the exclusions.
    """
    _adjust(findings)
    settings, source = audit.settings, audit.source
    causes: list[CausesRecord] = []
    return Record(
        decision=gate.decision,
        decision_reason=gate.reason,
        counts=count_verdicts(findings),
        findings=list(findings),
        causes=causes,
        gallery=gallery(audit.cells, requests, source),
        provenance=Provenance(
            audit_suite=importlib.metadata.version("audit-suite"),
            policy=Policy(
                confidence=settings.confidence,
                multiplicity=settings.multiplicity,
                inconclusive=settings.inconclusive,
                seed=settings.seed,
                max_cases=settings.max_cases,
            ),
            evidence_profile=source.profile.summary(),
            models=_models(audit),
            datasets=_datasets(audit, requests),
        ),
        environment=_environment(),
    )


def _adjust(findings: Sequence[Finding]) -> None:
    """Record Holm-adjusted p values beside the raw ones, over the cases of each check."""
    families = defaultdict(list)
    for finding in findings:
        for position, comparison in enumerate(finding.comparisons):
            families[finding.check, position].append(comparison)
    for family in families.values():
        adjusted = holm([comparison.p_raw for comparison in family])
        for comparison, p_holm in zip(family, adjusted, strict=True):
            comparison.p_holm = p_holm


def _models(audit: Audit) -> list[ModelRecord]:
    found = []
    for cell in {(c.model, c.fold): c for c in audit.cells}.values():
        card = cell.model
        try:
            digest = audit.source.model_digest(card, cell.fold)
        except AuditError:
            continue  # the findings of this model say what is wrong with its files
        found.append(
            ModelRecord(
                name=cell.model_name,
                digest=digest,
                description=card.description,
                loader=card.loader,
                architecture=card.architecture or "",
                targets=list(card.targets),
                input=card.input.model_dump(mode="json"),
            )
        )
    return found


def _datasets(audit: Audit, requests: Sequence[Request]) -> list[DatasetRecord]:
    from audit_suite.datasets import describe

    found = []
    for card in audit.datasets:
        try:
            record = describe(audit.source.dataset(card))
        except AuditError:
            continue  # the findings on this data set say what is wrong with it
        record.excluded += _excluded(audit.source, [r for r in requests if r.dataset == card])
        found.append(record)
    return found


def _excluded(source: EvidenceSource, requests: Sequence[Request]) -> list[str]:
    for request in requests:
        if (table := source.stored_table(request)) is not None:
            return list(table.excluded)
    return []


def _environment() -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _STARTED, 1),
    }
