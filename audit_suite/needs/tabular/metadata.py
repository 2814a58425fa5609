"""The tabular baseline: what the declared metadata tell without any image (M1, M2, M4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores
from audit_suite.needs.tabular.classifier import (
    cross_validate,
    cross_validated_auroc,
    standard_ranks,
    tabular,
)
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Baseline:
    """Cross-validated AUROC of a logistic regression on metadata, with or without the score.

    Sourget et al. 2024 fit birth year, sex and projection, and dropped rows with gaps; here gaps
    are filled inside the folds, so that every image the model scored is compared.
    """

    with_score: bool = False

    @property
    def id(self) -> str:
        """What it is fit to."""
        return "metadata-and-score" if self.with_score else "metadata"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores on full images: they say which images are usable."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on the images the model was scored on.

        Raises:
            NotApplicable: If the card declares no metadata, or none of it is known.
        """
        scores, rows = _rows(cell, source)
        added = _log_odds(scores.scores) if self.with_score else None
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
    """Rank correlation of the model's score with the metadata baseline's, over one class.

    Spearman's coefficient inside each test fold, with ranks held fixed for the interval, which is
    clustered by patient. Within one class it cannot come from both being right.
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
            NotApplicable: If the card declares no metadata, or they, or the scores, rank nothing.
        """
        scores, rows = _rows(cell, source)
        features, make = tabular(rows)
        found, tested = cross_validate(
            features, scores.labels, scores.patients, make, source.profile.seed
        )
        chosen = scores.labels == (1 if self.among == "positive" else 0)
        products = [
            _within(scores.scores, fold, chosen) * _within(baseline, fold, chosen)
            for baseline, fold in zip(found, tested, strict=True)
        ]
        if not np.any(products):
            raise NotApplicable(
                f"among the {self.among}s the metadata or the scores tell no image from another"
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


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores on the scale a logistic regression adds on; ranks stay as they are."""
    if scores.min() < 0 or scores.max() > 1:
        return scores
    kept = np.clip(scores, 1e-6, 1 - 1e-6)
    found: NDArray[np.float64] = np.log(kept / (1 - kept))
    return found


def _within(
    values: NDArray[Any], fold: NDArray[np.int_], chosen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Standard ranks inside each test fold: classifiers of two folds have two scales."""
    found = np.zeros(len(values))
    for number in np.unique(fold[chosen]):
        these = chosen & (fold == number)
        found[these] = standard_ranks(values[these])
    return found[chosen]
