"""The tabular baseline: what the declared metadata predict without any image (M1, M2, M4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.needs.classifier import (
    cross_validate,
    cross_validated_auroc,
    standard_ranks,
    tabular,
)
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Baseline:
    """Cross-validated AUROC of a logistic regression on metadata, with or without the score.

    Sourget et al. 2024 fit birth year, sex and projection, and dropped rows with missing values.
    Here missing values are imputed inside the folds, so that all scored images are compared.

    Attributes:
        with_score: Whether the model's score is a feature as well.
    """

    with_score: bool = False

    @property
    def id(self) -> str:
        """The features: ``metadata``, or ``metadata-and-score``."""
        return "metadata-and-score" if self.with_score else "metadata"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images, which also show which images are usable."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on the images that the model scored.

        Raises:
            NotApplicable: If the card declares no metadata, all values are missing, or there are
                too few patients of a class.
        """
        scores, rows = _rows(cell, source)
        added = _log_odds(scores) if self.with_score else None
        if added is not None:
            rows = [[*row, repr(float(score))] for row, score in zip(rows, added, strict=True)]
        features, make = tabular(rows)
        return cross_validated_auroc(
            features,
            scores.labels,
            scores.patients,
            scores.dataset,
            make,
            source.profile.seed,
            label="AUROC of metadata and score" if self.with_score else "AUROC of metadata alone",
        )


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of the model's score with the metadata baseline's, within one class.

    Spearman's coefficient inside each test fold. The interval is clustered by patient and holds the
    ranks fixed. Within one class it cannot arise because both predict the label.

    Attributes:
        among: Which class.
    """

    among: Literal["positive", "negative"]

    @property
    def id(self) -> str:
        """The class."""
        return self.among

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The correlation, -1 to 1.

        Raises:
            NotApplicable: If the card declares no metadata, or metadata or scores are constant.
        """
        scores, rows = _rows(cell, source)
        features, make = tabular(rows)
        fitted, tested = cross_validate(
            features, scores.labels, scores.patients, make, source.profile.seed
        )
        chosen = scores.labels == (1 if self.among == "positive" else 0)
        products = [
            _within(scores.scores, fold, chosen) * _within(baseline, fold, chosen)
            for baseline, fold in zip(fitted, tested, strict=True)
        ]
        if not np.any(products):
            raise NotApplicable(
                f"among the {self.among}s the metadata or the scores are the same for all images"
            )
        return estimate_mean(
            np.mean(products, axis=0),
            scores.patients[chosen],
            scores.dataset,
            label=f"rank correlation with the metadata baseline, {self.among}s",
        )


def _rows(cell: Cell, source: EvidenceSource) -> tuple[CellScores, list[list[str]]]:
    names = cell.dataset.metadata
    if not names:
        raise NotApplicable(f"data set card '{cell.dataset.name}' declares no metadata")
    scores = cell_scores(cell, source, Full())
    cases = source.dataset(cell.dataset).cases
    used = [case for case, good in zip(cases, scores.used, strict=True) if good]
    rows = [[str(case.metadata[name]) for name in names] for case in used]
    if not any(any(row) for row in rows):
        raise NotApplicable(f"no image of '{cell.dataset.name}' has a value of {', '.join(names)}")
    return scores, rows


def _log_odds(images: CellScores) -> NDArray[np.float64]:
    """Scores on the scale on which a logistic regression adds, within a range that it can fit."""
    if images.probabilities is None:
        return images.scores
    kept = np.clip(images.probabilities, 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def _within(
    values: NDArray[Any], fold: NDArray[np.int_], chosen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Standard ranks inside each test fold: classifiers of two folds have different scales."""
    ranks = np.zeros(len(values))
    for number in np.unique(fold[chosen]):
        these = chosen & (fold == number)
        ranks[these] = standard_ranks(values[these])
    return ranks[chosen]
