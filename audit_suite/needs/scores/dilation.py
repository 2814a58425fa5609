"""Skill when the region is dilated before it is hidden or kept (R10, C2, C12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.cards import InputSpec
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.maskings.limits import LARGEST_ROI
from audit_suite.needs.scores.cell_scores import auroc_of, cell_scores, score_requests
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

FACTORS = (0, 5, 10, 25, 50, 100, 150, 200, 300, 400, 500)
"""Dilation factors of Sourget et al. 2024, pixels of a frame of 512."""

FRAME = 512  # pixels of the paper's frame: the unit of factors and margins
_WHOLE = 1.0  # a curve continues until everything is hidden


def radius(spec: InputSpec, factor: float) -> int:
    """A dilation factor in whole pixels of the model's input; at least 1 unless the factor is 0."""
    exact = factor * max(spec.size) / FRAME
    return max(round(exact), 1 if factor > 0 else 0)


def as_factor(spec: InputSpec, pixels: int) -> float:
    """The dilation factor that a number of pixels of the model's input amounts to."""
    return pixels * FRAME / max(spec.size)


@dataclass(frozen=True)
class DilatedAuroc:
    """AUROC with the region dilated by a factor before the masking: one point of a curve.

    Attributes:
        masking: What is hidden or kept.
        factor: Dilation in pixels of a frame of 512. On a small input several factors round to the
            same number of pixels; the estimate is placed at the factor actually applied.
        largest: Share of the frame above which the region is too large (`cell_scores`).
    """

    masking: Masking
    factor: int
    largest: float = _WHOLE

    @property
    def id(self) -> str:
        """The masking's id and the factor."""
        return f"{self.masking.id}-f{self.factor}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the dilated masking."""
        return score_requests(cell, self._dilated(cell))

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC, placed on the axes ``radius`` (pixels of 512) and ``visible`` (share)."""
        scores = cell_scores(cell, source, self._dilated(cell), self.largest)
        refuse_ties(cell.model, scores, self._dilated(cell))
        factor = as_factor(cell.model.input, radius(cell.model.input, self.factor))
        estimate = auroc_of(scores, f"AUROC {self.masking.label}, dilated {factor:g}/{FRAME}")
        return estimate.placed(masking=self.masking.id, radius=factor, visible=scores.visible)

    def _dilated(self, cell: Cell) -> Masking:
        return self.masking.dilated(radius(cell.model.input, self.factor))


@dataclass(frozen=True)
class MarginAuroc:
    """AUROC with the region dilated by the margin that the data set's card declares for it."""

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``margin``."""
        return f"margin-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the dilated masking.

        Raises:
            NotApplicable: If the card declares no margin.
        """
        return self._at(cell).requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC at the margin.

        Raises:
            NotApplicable: If the card declares no margin, or region and margin fill the image.
        """
        return self._at(cell).estimate(cell, source)

    def _at(self, cell: Cell) -> DilatedAuroc:
        margin = cell.dataset.targets[cell.target].roi_margin
        if margin is None:
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' declares no margin around the ROI "
                f"(key targets.{cell.target}.roi_margin, pixels of {FRAME})"
            )
        return DilatedAuroc(self.masking, margin, LARGEST_ROI)


@dataclass(frozen=True)
class SelectiveDilation:
    """Change of the AUROC when only the masks of one class are dilated.

    Sourget et al. 2024 dilated the masks of healthy eyes by 5 pixels, and an AUROC of .83 fell to
    about .54: the model read the size of the mask.

    Attributes:
        masking: What is hidden or kept.
        factor: Dilation in pixels of a frame of 512.
        grown: Which class is dilated.
    """

    masking: Masking
    factor: int
    grown: Literal["positive", "negative"]

    @property
    def id(self) -> str:
        """Which class is dilated, by how much, under which masking."""
        return f"{self.grown}-f{self.factor}-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking without and with dilation: the evidence of the curves."""
        grown = DilatedAuroc(self.masking, self.factor).requests(cell)
        return *score_requests(cell, self.masking), *grown

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC with one class dilated minus AUROC with neither, paired."""
        pixels = radius(cell.model.input, self.factor)
        factor = as_factor(cell.model.input, pixels)
        dilated = self.masking.dilated(pixels)
        plain = cell_scores(cell, source, self.masking)
        grown = cell_scores(cell, source, dilated, largest=_WHOLE)
        chosen = plain.labels == (1 if self.grown == "positive" else 0)
        label = f"AUROC {self.masking.label}, {self.grown}s' masks dilated {factor:g}/{FRAME}"
        changed = auroc_of(plain, label, np.where(chosen, grown.scores, plain.scores))
        before = auroc_of(plain, f"AUROC {self.masking.label}")
        return (changed - before).placed(masking=self.masking.id, grown=self.grown, radius=factor)
