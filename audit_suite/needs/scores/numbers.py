"""How well a model separates the classes on each thing it is shown: the whole, and its parts."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.needs.need import estimate_in
from audit_suite.needs.scores.auroc import Auroc
from audit_suite.needs.scores.cell_scores import score_requests
from audit_suite.needs.scores.folded import FoldedAuroc
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

FILLS = ("black", "mean", "blur")
SHOWN: tuple[Masking, ...] = (
    Full(),
    *(WithoutROI(fill=fill) for fill in FILLS),
    *(OnlyROI(fill=fill) for fill in FILLS),
    *(WithoutROI(shape="box", fill=fill) for fill in FILLS),
    *(OnlyROI(shape="box", fill=fill) for fill in FILLS),
)
"""What images are shown: the whole, and region and box hidden and alone, with each fill."""


@dataclass(frozen=True)
class Numbers:
    """AUROC and folded AUROC of the cell's model for its target on everything it is shown."""

    @property
    def id(self) -> str:
        """Its name."""
        return "numbers"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under each masking that has a meaning here; the whole image always has."""
        requests: list[ScoreRequest] = []
        for masking in SHOWN:
            try:
                requests += [r for one in cell.each() for r in score_requests(one, masking)]
            except NotApplicable:
                continue
        return tuple(dict.fromkeys(requests))

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """For each masking that has a meaning here its AUROC, then its folded AUROC.

        Raises:
            AuditError: If evidence is missing and cannot be computed.
        """
        estimates = []
        for masking in SHOWN:
            try:
                estimates += [
                    estimate_in(Auroc(masking, any_ties=True), cell, source),
                    estimate_in(FoldedAuroc(masking, any_ties=True), cell, source),
                ]
            except NotApplicable:
                continue
        return tuple(estimates)
