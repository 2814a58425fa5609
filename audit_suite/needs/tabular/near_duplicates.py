"""Pictures that look the same, between patients and in the training data (C17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.near_duplicates import near_duplicates
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.statistics import Exact
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class NearDuplicateShare:
    """Share of a data set's images that look the same as another one.

    Attributes:
        among: ``patients``: as one of another patient; ``training``: as one of the training data
            that the data set's card names.
    """

    among: Literal["patients", "training"]

    @property
    def id(self) -> str:
        """Among which images."""
        return f"near-duplicates-{self.among}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """None: no model is asked.

        Raises:
            NotApplicable: If the card names no training data, and they are asked for.
        """
        if self.among == "training" and cell.dataset.training is None:
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' names no training data (key training)"
            )
        return ()

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact:
        """The share, 0 to 1, of all images that are audited.

        Raises:
            NotApplicable: As `requests`.
            AuditError: If an image or the training data cannot be read.
        """
        self.requests(cell)
        dataset = source.dataset(cell.dataset)
        duplicates = near_duplicates(dataset, source.store, source.profile.threads)
        which = duplicates.pairs if self.among == "patients" else duplicates.training[:, 0]
        words = {
            "patients": "share of images that look the same as one of another patient",
            "training": "share of images that look the same as one of the training data",
        }
        advice = 'look at the pairs in the report; near_duplicates = "exclude" leaves them out'
        share = len(np.unique(which)) / len(dataset.cases)
        return Exact(words[self.among], share, len(dataset.cases), advice)
