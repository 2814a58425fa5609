"""Patterns planted at a known place: detected outside the ROI, hidden inside it? (C9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.cards import ModelCard
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking, WithoutROI
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.statistics import Estimate, estimate_auroc


@dataclass(frozen=True)
class Planted:
    """AUROC, with the ROI hidden, of a model that detects a planted pattern and nothing else.

    Every image counts twice, with and without the pattern. With the region hidden, a pattern
    planted outside it must be detected and one planted inside it must not; otherwise the masks lie
    in the wrong place or do not hide what they should.
    """

    where: Literal["inside", "outside"]

    @property
    def id(self) -> str:
        """Where the pattern is planted."""
        return f"planted-{self.where}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores of the pattern detector with the region hidden, with and without the pattern."""
        detector = _detector(cell)
        return *detector.requests(self._planted()), *detector.requests(WithoutROI())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC of the pattern detector, paired by patient."""
        detector = _detector(cell)
        planted = cell_scores(detector, source, self._planted())
        plain = cell_scores(detector, source, WithoutROI())
        patients = np.concatenate([planted.patients, plain.patients])
        return estimate_auroc(
            np.repeat([1, 0], [len(planted.scores), len(plain.scores)]),
            np.concatenate([planted.scores, plain.scores]),
            patients,
            planted.dataset,
            label=f"AUROC without ROI for a pattern planted {self.where} it",
        )

    def _planted(self) -> Masking:
        return WithoutROI(first="plant-inside" if self.where == "inside" else "plant-outside")


def _detector(cell: Cell) -> Cell:
    card = ModelCard.model_validate(
        {
            "schema": 1,
            "name": "pattern-reader",
            "targets": [cell.target],
            "loader": "callable",
            "architecture": "audit_suite.maskings.planted:pattern_reader",
            "trusted": True,
            "activation": "none",
            "input": cell.model.input,
        }
    )
    return Cell(card, (None,), cell.dataset, cell.target)
