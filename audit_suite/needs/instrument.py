"""The instrument tried on this very data set: permuted labels (C8) and planted signals (C9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import ModelCard
from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking, WithoutROI
from audit_suite.needs.scores import CellScores, auroc_of, cell_scores
from audit_suite.statistics import Estimate, Exact, Family, estimate_auroc
from audit_suite.verdict import Verdict

PERMUTATIONS = 200


@dataclass(frozen=True)
class Planted:
    """AUROC without the ROI of a model that reads nothing but a pattern, for its being there.

    Every image counts twice, with and without the pattern. Planted outside the
    region the pattern must be found when the region is hidden, planted inside it must not: if not,
    masks are not where the images are, or do not hide what they should.
    """

    where: Literal["inside", "outside"]

    @property
    def id(self) -> str:
        """Where it was planted."""
        return f"planted-{self.where}"

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """Scores of the pattern's reader, with and without the pattern, the region hidden."""
        reader = _reader(cell)
        return *reader.requests(self._planted()), *reader.requests(WithoutROI())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC of the reader, paired by patient."""
        reader = _reader(cell)
        planted = cell_scores(reader, source, self._planted())
        plain = cell_scores(reader, source, WithoutROI())
        patients = np.concatenate([planted.patients, plain.patients])
        return estimate_auroc(
            np.repeat([1, 0], [len(planted.scores), len(plain.scores)]),
            np.concatenate([planted.scores, plain.scores]),
            patients,
            planted.dataset,
            label=f"AUROC without ROI of a pattern planted {self.where} it",
        )

    def _planted(self) -> Masking:
        return WithoutROI(first="plant-inside" if self.where == "inside" else "plant-outside")


def planted(where: Literal["inside", "outside"]) -> Planted:
    """Need: how well a pattern planted inside or outside the ROI is found when that is hidden."""
    return Planted(where)


def permuted_fails(
    cell: Cell, source: EvidenceSource, maskings: Sequence[Masking], margin: float
) -> Exact:
    """Share of label permutations under which a check like R2 would say FAIL.

    Labels are permuted by patient, so the scores tell nothing of them: each FAIL is a false one.

    Args:
        cell: Where; folds are averaged by score.
        source: Stored evidence.
        maskings: The fills that must agree.
        margin: Of the distance to .5.

    Raises:
        NotApplicable: As `auroc`.
    """
    found = [cell_scores(cell, source, masking) for masking in maskings]
    rng = np.random.default_rng(source.profile.seed)
    fails = 0
    for _ in range(PERMUTATIONS):
        labels = _permuted(found[0], rng)
        family = Family([auroc_of(replace(f, labels=labels), "AUROC") for f in found])
        fails += family.distance_to(0.5).compare("<", margin).verdict is Verdict.FAIL
    label = f"share of {PERMUTATIONS} label permutations that would fail"
    return Exact(label, fails / PERMUTATIONS, len(found[0].labels))


def _reader(cell: Cell) -> Cell:
    card = ModelCard.model_validate(
        {
            "schema": 1,
            "name": "pattern-reader",
            "targets": [cell.target],
            "loader": "callable",
            "architecture": "audit_suite.maskings.planted:pattern_reader",
            "activation": "none",
            "input": cell.model.input.model_dump(),
        }
    )
    return Cell(card, (None,), cell.dataset, cell.target)


def _permuted(scores: CellScores, rng: np.random.Generator) -> NDArray[np.int_]:
    """Labels of patients (positive if any image is) dealt out anew among them."""
    unique, of_image = np.unique(scores.patients, return_inverse=True)
    positive = np.zeros(len(unique), np.int_)
    np.maximum.at(positive, of_image, scores.labels)
    return rng.permutation(positive)[of_image]
