"""The ROI on another patient's background: does the donor's class move the score? (R13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import OnlyROI
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate
from audit_suite.statistics.influence import shared_variance
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

SWAPPED = OnlyROI(fill="swap")


@dataclass(frozen=True)
class BackgroundGap:
    """AUROC on backgrounds of the image's own class minus AUROC on random backgrounds.

    After the "background gap" of Xiao et al. 2021 (mixed-same minus mixed-rand): 0 for a model that
    ignores backgrounds. Donors are drawn regardless of their label; images whose donor happens to
    be of their own class make up the first term.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "background-gap"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on swapped backgrounds."""
        return cell.requests(SWAPPED)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The gap, paired by patient, and clustered by patient and donor.

        Raises:
            NotApplicable: If the region fills the frame, or too few donors share the class.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
        """
        scores = cell_scores(cell, source, SWAPPED)
        refuse_ties(cell.model, scores, SWAPPED)
        donors = donors_of(cell, source, scores)
        labels = source.dataset(cell.dataset).labels_of(cell.target)
        classes = np.where(donors < 0, UNLABELLED, labels[donors])
        same = classes == scores.labels
        few = min(how_many(scores.patients[same & (scores.labels == k)]) for k in (0, 1))
        if few < 2:
            raise NotApplicable(
                "fewer than two patients of a class have a background of their own class"
            )

        def gap(scores: CellScores) -> Estimate:
            own, random = (
                auroc_of(scores.where(kept), f"AUROC on {kind} backgrounds")
                for kept, kind in ((same, "same-class"), (donors >= 0, "random"))
            )
            return own - random

        return clustered_by_donor(gap, scores, donors, "gap")


def donors_of(cell: Cell, source: EvidenceSource, scores: CellScores) -> NDArray[np.int_]:
    """Row of the image that lent each used image its background, shape (n,); -1 where none did."""
    from audit_suite.evidence.scores.donors import lenders

    lent = lenders(source.dataset(cell.dataset), source.profile.seed, scores.readable)
    donors = [lent[i] for i in np.flatnonzero(scores.used)]
    return np.array([-1 if donor is None else donor for donor in donors])


def clustered_by_donor(
    estimate: Callable[[CellScores], Estimate],
    scores: CellScores,
    donors: NDArray[np.int_],
    name: str,
) -> Estimate:
    """An estimate clustered by patient and by donor (`shared_variance`).

    Where backgrounds move the score regardless of the label, the few donors of one class may by
    chance have higher ones than those of the other.

    Args:
        estimate: Function from scores to the estimate.
        scores: Of images on other patients' backgrounds.
        donors: Shape (n,), row of the image that lent each one its background.
        name: Name of the donors' share of the variance, unique to the estimate.
    """
    by_patient = estimate(scores)
    images = np.arange(len(donors)).astype(np.str_)  # named: the order of sums is that of names
    each = estimate(replace(scores, patients=images)).influence.parts[scores.dataset]
    shared = shared_variance(each.values, donors[each.patients.astype(np.int_)] + 1)
    key = f"{scores.dataset}/backgrounds/{name}"
    return by_patient.with_influence(by_patient.influence.with_boundary(key, shared))
