"""Signals planted at a known place: are they detected outside, and hidden inside, the ROI? (C9)."""

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
    planted outside it must be detected and one planted inside it must not: otherwise the masks do
    not lie where they should, or do not hide what they should.
    """

    where: Literal["inside", "outside"]

    @property
    def id(self) -> str:
        """Where it was planted."""
        return f"planted-{self.where}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
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
