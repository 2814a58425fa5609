"""The ROI before another patient's background: does that one's class move the score? (R13)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import OnlyROI
from audit_suite.needs.scores import CellScores, auroc_of, cell_scores
from audit_suite.statistics import Estimate
from audit_suite.statistics.influence import Influence
from audit_suite.verdict import NotApplicable

SWAPPED = OnlyROI(fill="swap")


@dataclass(frozen=True)
class BackgroundGap:
    """AUROC on backgrounds of the image's own class minus AUROC on random backgrounds.

    After the "background gap" of Xiao et al. 2021 (mixed-same minus mixed-rand): 0 for a model that
    ignores backgrounds. Donors are drawn whatever their label; those that happen to be of the
    image's own class make the first term.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "background-gap"

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """Scores before swapped backgrounds."""
        return cell.requests(SWAPPED)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The gap, paired by patient, clustered by donor too.

        Raises:
            NotApplicable: If the region fills the frame, or too few donors share the class.
        """
        from audit_suite.evidence.context import lenders

        scores = cell_scores(cell, source, SWAPPED)
        cases = source.dataset(cell.dataset).cases
        lent = lenders(source.dataset(cell.dataset), source.profile.seed, scores.used)
        index = np.flatnonzero(scores.used)
        donors = np.array([-1 if lent[i] is None else lent[i] for i in index])
        classes = np.array([-1 if d < 0 else cases[d].labels[cell.target] for d in donors])
        same = classes == scores.labels
        few = min(len(np.unique(scores.patients[same & (scores.labels == k)])) for k in (0, 1))
        if few < 2:
            raise NotApplicable("fewer than two patients of a class got a background of their own")
        gap = _gap(scores, same, donors >= 0)
        return replace(gap, influence=_with_donors(gap.influence, scores, same, donors))


def _gap(scores: CellScores, same: NDArray[np.bool_], lent: NDArray[np.bool_]) -> Estimate:
    own, random = (
        auroc_of(scores.where(kept), f"AUROC before {kind} backgrounds")
        for kept, kind in ((same, "their own class's"), (lent, "random"))
    )
    return own - random


def _with_donors(
    found: Influence, scores: CellScores, same: NDArray[np.bool_], donors: NDArray[np.int_]
) -> Influence:
    """Clustered by donor too (Cameron, Gelbach and Miller, J Bus Econ Stat 29, 2011).

    A few donors lend to all images. Where a background moves the score, whatever the label, those
    of the one class's donors may lie higher by chance, and more images do not even that out.
    """
    alone = np.arange(len(donors)).astype(np.str_)
    each = _gap(replace(scores, patients=alone), same, donors >= 0).influence
    prefix = f"{scores.dataset}/"
    known = np.char.startswith(each.keys, prefix)
    image = np.char.replace(each.keys[known], prefix, "", 1).astype(np.int_)
    by_donor = np.bincount(donors[image], weights=each.values[known])
    shared = float((by_donor**2).sum() - (each.values[known] ** 2).sum())
    return found.with_boundary(f"{scores.dataset}/backgrounds", shared)


def background_gap() -> BackgroundGap:
    """Need: how much backgrounds of the right class help, against random ones."""
    return BackgroundGap()
