"""The model's scores of the patient on the first screen; the pictures are the gallery's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.pictures.candidates import candidates
from audit_suite.record import Finding, Record
from audit_suite.report.first.rows import SHOWN
from audit_suite.report.first.strip import SECTION
from audit_suite.report.section import Gathered, Section, register_section
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource
    from audit_suite.maskings import Masking

_MOST = 50  # places: the first screen shows one, and tables of hundreds have no such strip


def collect(gathered: Gathered) -> list[dict[str, Any]] | None:
    """By place the scores of the gallery's first sick patient, under each masking shown.

    Of what is stored; nothing is computed for a report.
    """
    planned = set(gathered.requests)
    found = []
    for cell in gathered.cells[:_MOST]:
        asked = [
            m
            for some in SHOWN.values()
            for m in some
            if _is_stored(cell, m, planned, gathered.source)
        ]
        if scores := dict(_scores(cell, gathered.source, asked)):
            found.append(
                {
                    "model": cell.model_name,
                    "dataset": cell.dataset.name,
                    "target": cell.target,
                    "scores": scores,
                }
            )
    return found or None


def _is_stored(
    cell: Cell, masking: Masking, planned: Collection[object], source: EvidenceSource
) -> bool:
    try:
        requests = cell.requests(masking)
        return all(request in planned and not source.missing(request) for request in requests)
    except (AuditError, NotApplicable):
        return False


def _scores(
    cell: Cell, source: EvidenceSource, maskings: Sequence[Masking]
) -> Iterator[tuple[str, dict[str, Any]]]:
    from audit_suite.maskings import Full
    from audit_suite.needs.scores.cell_scores import cell_scores

    try:
        if any(source.missing(request) for request in cell.requests(Full())):
            return
        full = cell_scores(cell, source, Full())
        index = first_sick(cell, source, full.readable)
    except (AuditError, NotApplicable):
        return  # the findings say why
    if index is None:
        return
    for masking in maskings:
        try:
            shown = cell_scores(cell, source, masking)
        except (AuditError, NotApplicable):
            continue
        if not shown.used[index]:
            continue
        place = int(shown.used[:index].sum())
        score = float(shown.scores[place])
        probability = None if shown.probabilities is None else float(shown.probabilities[place])
        yield (
            masking.id,
            {
                "probability": None if probability is None else round(probability, 6),
                "above": round(float(np.mean(full.scores < score)), 4),
            },
        )


def first_sick(cell: Cell, source: EvidenceSource, readable: np.ndarray) -> int | None:
    """The image that `pictures.masked_cases` calls ``positive 1``; None if there is none.

    Args:
        cell: Model, data set and target.
        source: Data sets by card.
        readable: Shape (all images,), true for those that can be read.
    """
    sick = candidates(source.dataset(cell.dataset), cell.target, 1)
    return next((index for index in sick if readable[index]), None)


def view(_record: Record, _findings: Sequence[Finding]) -> None:
    """Nothing below the first screen."""


register_section(
    Section(name=SECTION, title="One patient", rank=10, collect=collect, view=view, template="")
)
