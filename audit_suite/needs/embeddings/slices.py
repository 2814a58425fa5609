"""The worst slice of the embedding: found on half of the patients, tested on the others (F3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.needs.embeddings.distance import embedded
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

SLICES = 8
"""How many slices the embedding is cut into."""
_ENOUGH = 15  # patients of each class that a slice needs in either half


@dataclass(frozen=True)
class WorstSlice:
    """AUROC in the worst part of the embedding, and what the rest has more, on unseen patients.

    After Eyuboglu et al. 2022 (Domino): groups that no tag names. The embeddings of half of the
    patients are cut by k-means, and the slice with the lowest AUROC is chosen there; the other half
    shows whether it is low indeed. Of several folds it is the first.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "worst-slice"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores and embeddings of full images."""
        return cell.each()[0].requests(Full())

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """The slice's AUROC on the other half, and the gap to the rest of that half.

        Raises:
            NotApplicable: If the card names no embedding layer, folds share no axes, or no slice
                has enough patients of each class.
        """
        from sklearn.cluster import KMeans
        from sklearn.preprocessing import StandardScaler

        one = cell.each()[0]
        images = cell_scores(one, source, Full())
        seen = embedded(one, source, Full())
        if len(seen) > 1:
            raise NotApplicable("the embeddings of several folds share no axes")
        seed = source.profile.seed
        here = _half(images.patients, seed)
        points = StandardScaler().fit(seen[0].under[0][here]).transform(seen[0].under[0])
        cut = KMeans(SLICES, n_init=4, random_state=seed).fit(points[here])
        part = cut.predict(points)
        usable = [k for k in range(SLICES) if _fewest(images, part == k, here) >= _ENOUGH]
        if not usable:
            raise NotApplicable(
                f"no slice of the embedding has {_ENOUGH} patients of each class in both halves"
            )
        worst = min(usable, key=lambda k: auroc_of(images.where((part == k) & here), "").value)
        there = images.where(~here)
        inside = part[~here] == worst
        slice_ = auroc_of(there.where(inside), "AUROC (worst slice of the embedding)")
        rest = auroc_of(there.where(~inside), "AUROC (rest of the embedding)")
        gap = (rest - slice_).named("what the rest of the embedding has more than the worst slice")
        share = round(float(inside.mean()), 4)
        at = {"group": f"worst of {SLICES} slices of the embedding", "tags": "embedding"}
        return (
            slice_.placed(**at, share=share, statistic="auroc"),
            gap.placed(**at, share=share, statistic="auroc gap"),
        )


def _half(patients: NDArray[np.int_], seed: int) -> NDArray[np.bool_]:
    """Which images belong to a random half of the patients, shape (n,)."""
    unique, of_image = np.unique(patients, return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(unique)) < len(unique) // 2
    return np.asarray(chosen[of_image])


def _fewest(images: CellScores, inside: NDArray[np.bool_], here: NDArray[np.bool_]) -> int:
    """The fewest patients of either class that a slice has in either half."""
    return min(
        len(np.unique(images.patients[inside & half & (images.labels == side)]))
        for half in (here, ~here)
        for side in (0, 1)
    )
