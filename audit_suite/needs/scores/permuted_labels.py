"""How often a check would fail on permuted labels: the audit's own error rate (C8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.needs.scores.cell_scores import (
    CellScores,
    auroc_of,
    cell_scores,
    score_requests,
)
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Exact, Family
from audit_suite.statistics.numbering import numbered
from audit_suite.verdict import Verdict

PERMUTATIONS = 200


@dataclass(frozen=True)
class PermutedFails:
    """Share of label permutations under which a check like R2 would fail.

    Labels are permuted among patients, so that scores carry no information about them and every
    fail is a false one. The scores of folds are averaged.

    Attributes:
        maskings: The fills that must agree.
        margin: Limit of the distance to .5.
    """

    maskings: tuple[Masking, ...]
    margin: float

    @property
    def id(self) -> str:
        """Its name."""
        return "permuted-fails"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under each masking."""
        return tuple(one for masking in self.maskings for one in score_requests(cell, masking))

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact:
        """The share, 0 to 1.

        Raises:
            NotApplicable: If no ROI is declared, or it is too large.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
        """
        scores = [cell_scores(cell, source, masking) for masking in self.maskings]
        for each, masking in zip(scores, self.maskings, strict=True):
            refuse_ties(cell.model, each, masking)
        rng = np.random.default_rng(source.profile.seed)
        fails = 0
        for _ in range(PERMUTATIONS):
            labels = _permuted(scores[0], rng)
            family = Family([auroc_of(replace(each, labels=labels), "AUROC") for each in scores])
            compared = family.distance_to(0.5).compare("<", self.margin)
            fails += compared.verdict is Verdict.FAIL
        label = f"share of {PERMUTATIONS} label permutations under which the check would fail"
        return Exact(label, fails / PERMUTATIONS, len(scores[0].labels))


def _permuted(scores: CellScores, rng: np.random.Generator) -> NDArray[np.int_]:
    """Labels of patients (positive if any image is), permuted among them."""
    unique, of_image = numbered(scores.patients)
    positive = np.zeros(len(unique), np.int_)
    np.maximum.at(positive, of_image, scores.labels)
    return rng.permutation(positive)[of_image]
