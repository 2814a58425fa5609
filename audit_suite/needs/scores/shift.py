"""How a masking shifts the scores themselves (R11); calibration alone may cause that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores, score_requests
from audit_suite.statistics import Estimate, estimate_mean, estimate_proportion
from audit_suite.verdict import NotApplicable

THRESHOLD = 0.5  # of a probability


@dataclass(frozen=True)
class ScoreShift:
    """Mean of (score under masking - score on the full image) over all images.

    Of probabilities where the model gives them, else of its scores.
    """

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``shift``."""
        return f"shift-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images and under the masking."""
        return *cell.requests(Full()), *score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean shift, clustered by patient."""
        full, masked = _pair(cell, source, self.masking)
        return estimate_mean(
            _moved(masked) - _moved(full),
            full.patients,
            full.dataset,
            label=f"mean score shift {self.masking.label}",
        )


@dataclass(frozen=True)
class FlipRate:
    """Share of true positives (score >= .5 on the full image) that a masking takes below .5."""

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``flips``."""
        return f"flips-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images and under the masking."""
        return *cell.requests(Full()), *score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The share of flips, clustered by patient.

        Raises:
            NotApplicable: If the scores are not probabilities, or no positive is detected.
        """
        full, masked = _pair(cell, source, self.masking)
        if full.probabilities is None or masked.probabilities is None:
            raise NotApplicable(
                "the model's scores are not probabilities (activation = 'none' without "
                "probabilities = true)"
            )
        detected = (full.labels == 1) & (full.probabilities >= THRESHOLD)
        if not detected.any():
            raise NotApplicable("no positive image reaches a score of 0.5: nothing could flip")
        return estimate_proportion(
            masked.probabilities[detected] < THRESHOLD,
            full.patients[detected],
            full.dataset,
            label=f"share of true positives lost {self.masking.label}",
        )


def _moved(images: CellScores) -> NDArray[np.float64]:
    return images.scores if images.probabilities is None else images.probabilities


def _pair(cell: Cell, source: EvidenceSource, masking: Masking) -> tuple[CellScores, CellScores]:
    full, masked = cell_scores(cell, source, Full()), cell_scores(cell, source, masking)
    if not np.array_equal(full.used, masked.used):
        raise AssertionError("one data set gave two sets of usable images")
    return full, masked
