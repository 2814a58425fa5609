"""Whether the score uses what the embedding encodes: a tag read from the score alone (E2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.needs.embeddings.probe import Probe, predicted_tag
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.statistics import Estimate
from audit_suite.statistics.separation import basis_of_numbers

HARDLY = 0.60
"""AUROC that must not be reached for "hardly": a normal variable shifted by about a third."""
TENTH, QUARTER = 0.10, 0.25
"""Shares of the separation from which on a cause contributes, and is named."""


@dataclass(frozen=True)
class ScoreProbe:
    """AUROC of a classifier that predicts a tag from the model's score alone.

    As `Probe`, from one number instead of the embedding, among images of the same class: the
    association of score and tag given the label. Curved relations count.

    Attributes:
        tag: Name of a declared tag.
    """

    tag: str

    @property
    def id(self) -> str:
        """The tag."""
        return self.tag or "nothing"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores of full images.

        Raises:
            NotApplicable: As `Probe.requests`.
        """
        return Probe(self.tag).requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on unseen patients, placed by ``tag`` and ``of``.

        Raises:
            NotApplicable: If too few patients share a value or, within a class, differ in it.
        """
        self.requests(cell)
        scores = cell_scores(cell, source, Full())
        estimate = predicted_tag(
            self.tag,
            basis_of_numbers(scores.scores),
            source.dataset(cell.dataset),
            cell.target,
            scores.used,
            source.profile.seed,
            "the score alone",
        )
        return replace(estimate, n_positives=None).placed(tag=self.tag, of="score")


def encoded_and_used(
    encoded: Estimate, followed: Estimate | None, share: Estimate | None, unknown: str = ""
) -> str:
    """Whether a tag is encoded, whether the score uses it, and by how much, in one sentence.

    Args:
        encoded: AUROC of predicting the tag from the embedding.
        followed: AUROC of predicting it from the score alone; None if that is not known.
        share: Share of what separates the classes that it explains; None if that is not known.
        unknown: Why one of them is not known.
    """
    tag = str(encoded.at["tag"])
    words = [f"{tag} is {_level(encoded, 'encoded', 'hardly encoded', 'perhaps encoded')}"]
    if followed is not None:
        words.append(
            _level(
                followed,
                "used, as the score alone tells it among patients of one class",
                "hardly in the score",
                "perhaps used, as it is undecided whether the score alone tells it",
            )
        )
    if share is not None:
        words.append(f"it explains {_amount(share)} of what separates the classes")
    text = ", ".join(words[:-1]) + (", and " if len(words) > 1 else "") + words[-1]
    return f"{text}; {unknown}" if unknown else text


def _level(auroc: Estimate, yes: str, hardly: str, perhaps: str) -> str:
    low, high = auroc.interval()
    words = yes if low > 0.5 else hardly if high < HARDLY else perhaps
    return f"{words} (AUROC {auroc.value:.2f} [{low:.2f}, {high:.2f}])"


def _amount(share: Estimate) -> str:
    low, high = share.interval()
    if low > TENTH:
        words = "more than a quarter" if low > QUARTER else "more than a tenth"
    elif high < QUARTER:
        words = "less than a tenth" if high < TENTH else "less than a quarter"
    else:
        words = "an undecided share"
    shown = np.round([share.value, low, high], 2) + 0.0  # no minus before a zero
    return "{} ({:.2f} [{:.2f}, {:.2f}])".format(words, *shown)
