"""How well a model separates the classes on each thing it is shown: the whole, and its parts."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.needs.need import estimate_in, requests_in
from audit_suite.needs.scores.auroc import auroc_under
from audit_suite.needs.scores.cell_scores import cell_scores, score_requests
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
class _Area:
    """AUROC under a masking, however many pairs are tied: nothing is decided by it."""

    masking: Masking

    @property
    def id(self) -> str:
        return self.masking.id

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        return score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        scores = cell_scores(cell, source, self.masking)
        return auroc_under(self.masking, cell, source, scores)


@dataclass(frozen=True)
class Numbers:
    """AUROC and folded AUROC of the cell's model for its target on everything it is shown."""

    @property
    def id(self) -> str:
        """Its name."""
        return "numbers"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under each masking that has a meaning here; the whole image always has."""
        found: list[ScoreRequest] = []
        for masking in SHOWN:
            try:
                found += requests_in(_Area(masking), cell)  # type: ignore[arg-type]  # of scores
            except NotApplicable:
                continue
        return tuple(dict.fromkeys(found))

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """For each masking that has a meaning here its AUROC, then its folded AUROC.

        Raises:
            AuditError: If evidence is missing and cannot be computed.
        """
        found = []
        for masking in SHOWN:
            try:
                found += [
                    estimate_in(_Area(masking), cell, source),
                    estimate_in(FoldedAuroc(masking), cell, source),
                ]
            except NotApplicable:
                continue
        return tuple(found)
