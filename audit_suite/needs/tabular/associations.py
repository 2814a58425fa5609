"""Image properties and tags: what predicts the label, and what the score follows (M3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.properties import PROPERTIES
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.classifier import (
    cross_validate,
    cross_validated_auroc,
    standard_ranks,
    tabular,
)
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores
from audit_suite.needs.tabular.cues import different, numbers_in, property_of, tag_of
from audit_suite.statistics import Estimate, estimate_auroc, estimate_mean
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Association:
    """AUROC of one property or tag for the label, as if it were a score.

    Numbers are used directly, other tags through a cross-validated regression on their values.

    Attributes:
        name: An image property (`datasets.properties.PROPERTIES`) or a declared tag.
    """

    name: str

    @property
    def id(self) -> str:
        """The name."""
        return self.name

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Full images: properties are stored with them."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The AUROC, placed by ``property``, with the two-sided ``p`` value against .5.

        Raises:
            NotApplicable: If all images have the same value.
        """
        scores = cell_scores(cell, source, Full())
        numbers, rows = _values(self.name, cell, source, scores)
        label = f"AUROC of {self.name} alone"
        if numbers is None:
            features, make = tabular(rows)
            estimate = cross_validated_auroc(
                features,
                scores.labels,
                scores.patients,
                scores.dataset,
                make,
                source.profile.seed,
                label,
            )
        else:
            known = np.isfinite(numbers)
            estimate = estimate_auroc(
                scores.labels[known], numbers[known], scores.patients[known], scores.dataset, label
            )
        p_value = min(1.0, 2 * min(estimate.scale.p_above(0.5), estimate.scale.p_below(0.5)))
        return estimate.placed(property=self.name, p=p_value)


@dataclass(frozen=True)
class Following:
    """Rank correlation of the model's score with a property or tag, within one class.

    Within a class it cannot arise because both predict the label.

    Attributes:
        name: As `Association.name`.
        among: Which class.
    """

    name: str
    among: Literal["positive", "negative"]

    @property
    def id(self) -> str:
        """The name and the class."""
        return f"{self.name}-{self.among}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The correlation, -1 to 1.

        Raises:
            NotApplicable: If all images have the same value.
        """
        scores = cell_scores(cell, source, Full())
        numbers, rows = _values(self.name, cell, source, scores)
        chosen = scores.labels == (1 if self.among == "positive" else 0)
        if numbers is None:
            features, make = tabular(rows)
            fitted, _ = cross_validate(
                features, scores.labels, scores.patients, make, source.profile.seed
            )
            # One number per word: differences between folds would break ties between images.
            of_image = np.unique([row[0] for row in rows], return_inverse=True)[1]
            ranks = np.mean([standard_ranks(each) for each in fitted], axis=0)
            numbers = (np.bincount(of_image, ranks) / np.bincount(of_image))[of_image]
        chosen &= np.isfinite(numbers)
        if len(np.unique(numbers[chosen])) < 2 or how_many(scores.patients[chosen]) < 2:
            raise NotApplicable(f"all {self.among}s have the same '{self.name}'")
        return estimate_mean(
            _ranked(scores.scores, chosen, scores.strata) * _ranked(numbers, chosen, scores.strata),
            scores.patients[chosen],
            scores.dataset,
            label=f"rank correlation of the score with {self.name}, {self.among}s",
        ).placed(property=self.name, among=self.among)


@dataclass(frozen=True)
class EachProperty:
    """`Association` of every image property and every tag that the data set declares."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Association, ...]:
        """One need per property and per tag."""
        return tuple(
            Association(name) for name in dict.fromkeys((*PROPERTIES, *cell.dataset.metadata))
        )


def _values(
    name: str, cell: Cell, source: EvidenceSource, scores: CellScores
) -> tuple[NDArray[np.float64] | None, list[list[str]]]:
    """The numbers of a property or numeric tag (NaN where unknown), or the texts of another tag."""
    if name in PROPERTIES:
        return different(name, property_of(name, cell, source, scores)), []
    texts = tag_of(name, cell, source, scores)
    numbers = numbers_in(texts)
    if numbers is None:
        return None, [[text] for text in texts]
    return different(name, numbers), []


def _ranked(
    values: NDArray[np.float64], chosen: NDArray[np.bool_], strata: NDArray[np.int_] | None
) -> NDArray[np.float64]:
    """Standard ranks of the chosen images within their stratum, shape (chosen,)."""
    groups = np.zeros(len(values), np.int_) if strata is None else strata
    ranks = np.zeros(len(values))
    for group in np.unique(groups[chosen]):
        these = chosen & (groups == group)
        ranks[these] = standard_ranks(values[these])
    return ranks[chosen]
