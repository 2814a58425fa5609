"""Similarity of the embeddings of a full and a masked image (E1, E4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking, WithoutROI
from audit_suite.needs.embeddings.distance import Floats, cosines, embedded
from audit_suite.needs.scores.cell_scores import cell_scores, score_requests
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

Among = Literal["all", "positive", "negative"]


@dataclass(frozen=True)
class Similarity:
    """Mean cosine similarity of full and masked embeddings (Sourget et al. 2024).

    Attributes:
        masking: What the full image is compared with.
        among: Class of the images.
        beside: A masking whose evidence is planned as well, for a check that asks for it on demand
            because it does not apply everywhere.
    """

    masking: Masking
    among: Among = "all"
    beside: Masking | None = None

    @property
    def id(self) -> str:
        """The masking's id behind ``similarity``, and the class."""
        return f"similarity-{self.masking.id}" + f"-{self.among}" * (self.among != "all")

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Embeddings of full and masked images, and those of ``beside``."""
        masked = [self.masking] if self.beside is None else [self.masking, self.beside]
        wanted = [request for masking in masked for request in score_requests(cell, masking)]
        return tuple(dict.fromkeys((*cell.requests(Full()), *wanted)))

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean, -1 to 1; a fold that is held out from some images counts for those only.

        Raises:
            NotApplicable: If the card names no embedding layer, the region fills the frame or
                leaves no area of its size, or fewer than two patients are of the class.
        """
        similarities = _similarities(cell, source, self.masking)
        scores = cell_scores(cell, source, self.masking)  # refuses meaningless maskings
        chosen = np.ones(len(scores.labels), bool)
        label = f"cosine similarity {self.masking.label}".rstrip()
        if self.among != "all":
            chosen = scores.labels == (1 if self.among == "positive" else 0)
            label += f", {self.among}s"
        if how_many(scores.patients[chosen]) < 2:
            raise NotApplicable(f"fewer than two patients have {self.among} images")
        mean = estimate_mean(
            similarities[scores.used][chosen], scores.patients[chosen], scores.dataset, label
        )
        return mean.placed(masking=self.masking.id, among=self.among)


@dataclass(frozen=True)
class EachSimilarity:
    """`Similarity` under each masking named by ``--audit-masking`` or the data set's card."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Similarity, ...]:
        """One need per masking that hides something."""
        hiding = [masking for masking in maskings if not masking.is_full]
        return tuple(Similarity(masking) for masking in hiding or [WithoutROI()])


def _similarities(cell: Cell, source: EvidenceSource, masking: Masking) -> Floats:
    """Cosine similarity by image, the mean over the folds that have it, shape (all images,)."""
    count = len(source.dataset(cell.dataset).cases)
    total, folds = np.zeros(count), np.zeros(count)
    for seen in embedded(cell, source, Full(), masking):
        total[seen.used] += cosines(*seen.under)
        folds[seen.used] += 1
    return total / np.maximum(folds, 1)
