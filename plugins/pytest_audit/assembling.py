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

from audit_suite.calibration import calibration
from audit_suite.cards import canonical_digest, internal_card
from audit_suite.causes import name_causes
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, Request
from audit_suite.evidence.gallery import extremes, gallery
from audit_suite.evidence.picture import MOST, picture
from audit_suite.gate import Gate, count_verdicts
from audit_suite.record import (
    DatasetRecord,
    EmbeddingRecord,
    EstimateRecord,
    Finding,
    GalleryImage,
    MatrixRecord,
    ModelRecord,
    Policy,
    Provenance,
    Record,
)
from audit_suite.statistics import holm
from pytest_audit.attributing import attribution_records
from pytest_audit.reading import read_record, readings_record

if TYPE_CHECKING:
    from pytest_audit.session import Audit

_STARTED = time.monotonic()
MATRIX_CHECK, ASSOCIATION_CHECK = "R9", "M3"
PROBE_CHECK, PICTURE_CHECK = "E2", "E3"
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
    return Record(
        decision=gate.decision,
        decision_reason=gate.reason,
        counts=count_verdicts(findings),
        findings=list(findings),
        causes=name_causes(findings),
        matrices=_matrices(audit, findings),
        attributions=attribution_records(audit.cells, findings, source),
        gallery=[*gallery(audit.cells, requests, source), *_extremes(audit, findings)],
        read=read_record(audit.cells, findings, source),
        embeddings=_embeddings(audit, findings),
        provenance=Provenance(
            audit_suite=importlib.metadata.version("audit-suite"),
            policy=Policy(
                confidence=settings.confidence,
                multiplicity=settings.multiplicity,
                inconclusive=settings.inconclusive,
                seed=settings.seed,
                max_cases=settings.max_cases,
                max_explained=settings.max_explained,
                folds=settings.folds,
                maskings=list(settings.maskings),
            ),
            evidence_profile=source.profile.summary(),
            models=_models(audit),
            datasets=_datasets(audit, requests),
            readings=readings_record(source),
            calibration=calibration(),
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
    told = [_told(findings, check) for check in (ASSOCIATION_CHECK, PROBE_CHECK)]
    for ranked in [ranked for found in told for ranked in found.values()]:
        adjusted = holm([float(estimate.at["p"]) for estimate in ranked])
        for estimate, p_holm in zip(ranked, adjusted, strict=True):
            estimate.at["p_holm"] = p_holm


def _told(
    findings: Sequence[Finding], check: str
) -> dict[tuple[str, str, str], list[EstimateRecord]]:
    """First estimate of each case of a check, by place, the furthest from .5 first."""
    found: dict[tuple[str, str, str], list[EstimateRecord]] = defaultdict(list)
    for finding in findings:
        if finding.check == check and finding.observations:
            place = finding.model, finding.dataset, finding.target
            found[place].append(finding.observations[0])
    for ranked in found.values():
        ranked.sort(key=lambda estimate: -abs(estimate.value - 0.5))
    return found


def _extremes(audit: Audit, findings: Sequence[Finding]) -> list[GalleryImage]:
    """Pictures of the images that have least and most of what tells the label best."""
    cells = {(c.model_name, c.dataset.name, c.target): c for c in audit.cells}
    found: list[GalleryImage] = []
    shown = set()
    for place, ranked in _told(findings, ASSOCIATION_CHECK).items():
        names = [str(e.at["property"]) for e in ranked if e.at["property"] in PROPERTIES]
        if place[1:] not in shown and names:
            shown.add(place[1:])
            found += extremes(cells[place], names[0], audit.source)
    return found


def _embeddings(audit: Audit, findings: Sequence[Finding]) -> list[EmbeddingRecord]:
    """Maps of embeddings where one was asked for, those of the first cells."""
    asked = {(f.model, f.dataset, f.target) for f in findings if f.check == PICTURE_CHECK}
    found: list[EmbeddingRecord] = []
    for cell in audit.cells:
        if len(found) < MOST and (cell.model_name, cell.dataset.name, cell.target) in asked:
            try:
                drawn = picture(cell, audit.source)
            except AuditError:
                continue  # the findings of this cell say what is wrong with it
            found += [] if drawn is None else [drawn]
    return found


def _models(audit: Audit) -> list[ModelRecord]:
    found = []
    for cell in {(c.model, c.folds): c for c in audit.cells}.values():
        card = cell.model
        try:
            digests = [audit.source.model_digest(card, fold) for fold in cell.folds]
            digest = digests[0] if len(digests) == 1 else canonical_digest(digests)
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
    internal = [internal_card(card) for card in audit.datasets]
    cards = dict.fromkeys([*audit.datasets, *(card for card in internal if card is not None)])
    for card in cards:
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


def _matrices(audit: Audit, findings: Sequence[Finding]) -> list[MatrixRecord]:
    """The rows that R9 reported, one a training masking, as one matrix a study."""
    cards = {cell.model_name: cell.model for cell in audit.cells}
    studies: dict[tuple[str, str, str], dict[str, list[EstimateRecord]]] = defaultdict(dict)
    for finding in findings:
        card = cards.get(finding.model)
        if finding.check == MATRIX_CHECK and finding.observations and card and card.trained_on:
            key = (card.study or card.name, finding.dataset, finding.target)
            studies[key][card.trained_on] = finding.observations
    found = []
    for (study, dataset, target), rows in studies.items():
        columns = list(dict.fromkeys(str(e.at["masking"]) for row in rows.values() for e in row))
        named = sorted(rows, key=lambda row: (columns.index(row) if row in columns else 99, row))
        folds = max(len(estimate.folds) for row in rows.values() for estimate in row)
        found.append(
            MatrixRecord(
                study=study,
                dataset=dataset,
                target=target,
                statistic=f"AUROC, mean of {folds} folds" if folds > 1 else "AUROC",
                rows=named,
                columns=columns,
                cells=[[_of(rows[row], column) for column in columns] for row in named],
            )
        )
    return found


def _of(row: Sequence[EstimateRecord], masking: str) -> EstimateRecord | None:
    return next((estimate for estimate in row if estimate.at["masking"] == masking), None)


def _environment() -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _STARTED, 1),
    }
