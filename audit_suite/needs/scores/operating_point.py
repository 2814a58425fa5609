"""What a model decides at the operating point that its card declares (R15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores, score_requests
from audit_suite.statistics import Estimate, estimate_proportion
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Detected:
    """Sensitivity or specificity at the operating point, with every image under ``masking``."""

    which: Literal["sensitivity", "specificity"]
    masking: Masking

    @property
    def id(self) -> str:
        """Which, and the masking's id."""
        return f"{self.which}-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking.

        Raises:
            NotApplicable: If the model's card declares no operating point for the target.
        """
        return _requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The share of images of a class that are decided rightly, clustered by patient."""
        scores = cell_scores(cell, source, self.masking)
        positive = self.which == "sensitivity"
        chosen = scores.labels == int(positive)
        label = f"{self.which} {self.masking.label}".rstrip()
        right = called_positive(cell, scores)[chosen] == positive
        share = estimate_proportion(right, scores.patients[chosen], scores.dataset, label)
        return share.placed(masking=self.masking.id)


@dataclass(frozen=True)
class Youden:
    """Youden's J at the operating point: sensitivity + specificity - 1 (Cancer 3, 1950).

    0 means that the model calls as many images positive with as without the finding.
    """

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``youden``."""
        return f"youden-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking.

        Raises:
            NotApplicable: If the model's card declares no operating point for the target.
        """
        return _requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """J, -1 to 1: that of an AUROC whose scores are the decisions, with its interval."""
        scores = cell_scores(cell, source, self.masking)
        decided = called_positive(cell, scores).astype(np.float64)
        label = f"Youden's J {self.masking.label}".rstrip()
        area = auroc_of(scores, label, decided)
        return (2 * (area - 0.5)).named(label).placed(masking=self.masking.id)


def sensitivity(masking: Masking | None = None) -> Detected:
    """Need: sensitivity at the card's operating point, on full images or under ``masking``."""
    return Detected("sensitivity", Full() if masking is None else masking)


def specificity(masking: Masking | None = None) -> Detected:
    """Need: specificity at the card's operating point, on full images or under ``masking``."""
    return Detected("specificity", Full() if masking is None else masking)


def youden(masking: Masking | None = None) -> Youden:
    """Need: Youden's J at the card's operating point, on full images or under ``masking``."""
    return Youden(Full() if masking is None else masking)


def called_positive(cell: Cell, images: CellScores) -> NDArray[np.bool_]:
    """Which images the model calls positive: those at or above the operating point, shape (n,).

    Raises:
        NotApplicable: If the model's card declares no operating point for the target.
    """
    require_operating_point(cell)
    point = cell.model.operating_points[cell.target]
    if point.score is not None:
        return images.scores >= point.score
    assert images.probabilities is not None
    assert point.probability is not None, "the card has been checked"
    return np.asarray(images.probabilities >= point.probability)


def require_operating_point(cell: Cell) -> None:
    """Refuse to ask for decisions of a model that is not said to make any.

    Raises:
        NotApplicable: If the model's card declares no operating point for the target.
    """
    if cell.target not in cell.model.operating_points:
        raise NotApplicable(
            f"model card '{cell.model.name}' declares no operating point for '{cell.target}' "
            f"(key operating_points.{cell.target})"
        )


def _requests(cell: Cell, masking: Masking) -> tuple[ScoreRequest, ...]:
    require_operating_point(cell)
    return score_requests(cell, masking)
