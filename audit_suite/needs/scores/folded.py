"""Whether scores are more or less spread in one class than in the other (R16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores, score_requests
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate


@dataclass(frozen=True)
class FoldedAuroc:
    """AUROC of how far a score lies from the middle of all scores.

    A model may know a finding whose AUROC is one half: scores of patients with it lie as often
    above as below those of the others, but further out. Scores are ranked over both classes and
    folded at the middle rank; .5 means equal spread, above .5 more spread with the finding.

    Attributes:
        masking: What the model is shown.
        any_ties: Whether it is given however many pairs of images are tied, to be shown only.
    """

    masking: Masking
    any_ties: bool = False

    @property
    def id(self) -> str:
        """The masking's id behind ``folded``."""
        return f"folded-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking."""
        return score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The folded AUROC, with the clustered interval of an AUROC; ranks are held fixed.

        Raises:
            NotApplicable: As `cell_scores`.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
        """
        scores = cell_scores(cell, source, self.masking)
        if not self.any_ties:
            refuse_ties(cell.model, scores, self.masking)
        area = auroc_of(scores, f"folded AUROC {self.masking.label}".rstrip(), folded(scores))
        return area.placed(masking=self.masking.id, statistic="folded")


def folded(images: CellScores) -> NDArray[np.float64]:
    """The distance of each image's rank to the middle one, in ranks; shape (n,).

    Ties share their mean rank, so every distance is a multiple of one half, and equal ones are
    equal to the last digit. Ranks are those within a stratum where there are strata.
    """
    strata = np.zeros(len(images.scores), np.int_) if images.strata is None else images.strata
    distances = np.zeros(len(images.scores))
    for stratum in np.unique(strata):
        chosen = strata == stratum
        _, level, count = np.unique(images.scores[chosen], return_inverse=True, return_counts=True)
        ranks = np.cumsum(count) - (count - 1) / 2
        distances[chosen] = np.abs(ranks - (chosen.sum() + 1) / 2)[level]
    return distances
