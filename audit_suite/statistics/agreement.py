"""Coefficients of agreement, of two raters or many, clustered by patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from audit_suite.errors import AuditError
from audit_suite.statistics.beyond_chance import (
    Again,
    Floats,
    RatingTable,
    beyond_chance,
    rating_table,
)
from audit_suite.statistics.estimate import Estimate

Weights = Literal["none", "linear", "quadratic"]


def estimate_kappa(
    first: ArrayLike,
    second: ArrayLike,
    patients: ArrayLike,
    dataset: str,
    label: str = "kappa",
    weights: Weights = "none",
    levels: Sequence[int] | None = None,
) -> Estimate:
    """Cohen's kappa of two raters, or of one rater's first and second reading.

    Educational and Psychological Measurement 20, 1960; weighted: Psychological Bulletin 70, 1968.

    Args:
        first: Shape (n,), whole numbers; NaN where not rated (-1 is a rating).
        second: Shape (n,), likewise. Items that one of the two did not rate are left out.
        patients: Shape (n,).
        dataset: Digest of the data set; a patient is identified within it.
        label: Its name in messages and in the report.
        weights: Weight of a disagreement: always the same (``none``), the number of steps along
            ``levels`` between the two ratings (``linear``), or its square (``quadratic``).
        levels: All ratings that could be given, in order; None (unweighted only): those given.

    Raises:
        AuditError: If shapes differ, a rating is not one of the levels, or there are fewer than two
            patients.
        NotApplicable: If every rating is the same: chance would agree as well.
        ValueError: If there are weights but no levels.
    """
    if levels is None and weights != "none":
        raise ValueError("a weighted kappa needs all its levels, in order")
    table = rating_table(_columns(first, second, label), patients, levels, label, needed=2)
    place = np.arange(table.given.shape[2])
    steps = np.abs(place[:, None] - place) / max(len(place) - 1, 1)
    agree = {"none": 1.0 - (steps > 0), "linear": 1 - steps, "quadratic": 1 - steps**2}[weights]

    def measure(sums: Floats) -> tuple[Floats, Floats]:
        items = sums.sum(axis=(-2, -1))
        rows, columns = sums.sum(axis=-1), sums.sum(axis=-2)
        seen = (sums * agree).sum(axis=(-2, -1)) / items
        return seen, ((rows @ agree) * columns).sum(axis=-1) / items**2

    p, q = table.given.mean(axis=0)
    return beyond_chance(
        table,
        by_item=(table.given[:, 0, :, None] & table.given[:, 1, None, :]).astype(np.float64),
        measure=measure,
        differ=float(1 - p @ q),
        dataset=dataset,
        label=label,
        again=lambda ratings, names: estimate_kappa(
            ratings[:, 0], ratings[:, 1], names, dataset, label, weights, levels
        ),
    )


def estimate_fleiss(
    ratings: ArrayLike,
    patients: ArrayLike,
    dataset: str,
    label: str = "Fleiss' kappa",
    levels: Sequence[int] | None = None,
) -> Estimate:
    """Fleiss' kappa of two or more raters, each of whom may have rated only some items.

    Psychological Bulletin 76, 1971; with missing ratings as in Gwet, Handbook of Inter-Rater
    Reliability, 4th edition 2014, chapter 2: agreement is averaged over items with two ratings or
    more, shares of the levels over items with any.

    Args:
        ratings: Shape (n, raters), whole numbers; NaN where not rated (-1 is a rating).
        patients: Shape (n,).
        dataset: Digest of the data set; a patient is identified within it.
        label: Its name in messages and in the report.
        levels: All ratings that could be given; None: those given.

    Raises:
        AuditError: As `estimate_kappa`, or if no item has two ratings.
        NotApplicable: As `estimate_kappa`.
    """
    table = rating_table(ratings, patients, levels, label, needed=1)

    def chance(mean: Floats) -> Floats:
        same: Floats = (mean**2).sum(axis=-1)
        return same

    return _of_many(
        table,
        chance,
        dataset,
        label,
        lambda ratings, names: estimate_fleiss(ratings, names, dataset, label, levels),
    )


def estimate_ac1(
    ratings: ArrayLike,
    patients: ArrayLike,
    dataset: str,
    label: str = "AC1",
    levels: Sequence[int] = (0, 1),
) -> Estimate:
    """Gwet's AC1: like Fleiss' kappa, but it hardly depends on how common the levels are.

    British Journal of Mathematical and Statistical Psychology 61, 2008. Chance agreement comes from
    ratings that are guesses; AC1 assumes that guesses are rarer the less evenly the levels are
    used. So it is defined, and 1, if all readers rate every item "absent".

    Args:
        ratings: Shape (n, raters), whole numbers; NaN where not rated.
        patients: Shape (n,).
        dataset: Digest of the data set; a patient is identified within it.
        label: Its name in messages and in the report.
        levels: All ratings that could be given, at least two; their number matters.

    Raises:
        AuditError: As `estimate_fleiss`.
        ValueError: If there are fewer than two levels.
    """
    if len(levels) < 2:
        raise ValueError("AC1 needs all the levels that could be given, at least two")
    table = rating_table(ratings, patients, levels, label, needed=1)

    def chance(mean: Floats) -> Floats:
        guessed: Floats = (mean * (1 - mean)).sum(axis=-1) / (len(levels) - 1)
        return guessed

    agreement = _of_many(
        table,
        chance,
        dataset,
        label,
        lambda ratings, names: estimate_ac1(ratings, names, dataset, label, levels),
    )
    # Unlike kappa's, its interval keeps its coverage however rare a level is.
    return replace(agreement, fewest=agreement.n_patients)


def _of_many(
    table: RatingTable, chance: Callable[[Floats], Floats], dataset: str, label: str, again: Again
) -> Estimate:
    """Agreement of pairs of raters beyond the chance that the mean shares of the levels give."""
    counts = table.given.sum(axis=1)
    raters = counts.sum(axis=1)
    pairs = raters * (raters - 1)
    if not pairs.any():
        raise AuditError(f"{label}: no item has two ratings", "let two readers read the same items")
    seen = (counts * (counts - 1)).sum(axis=1) / np.maximum(pairs, 1)
    shares = counts / raters[:, None]

    def measure(sums: Floats) -> tuple[Floats, Floats]:
        mean = sums[..., 2:] / sums[..., 2:].sum(axis=-1, keepdims=True)
        return sums[..., 0] / sums[..., 1], chance(mean)

    by_item = np.column_stack([seen, pairs > 0, shares])
    differ = float(1 - chance(shares.mean(axis=0)))
    return beyond_chance(table, by_item, measure, differ, dataset, label, again)


def _columns(first: ArrayLike, second: ArrayLike, label: str) -> Floats:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise AuditError(
            f"{label}: the two raters' ratings have shapes {a.shape} and {b.shape}",
            "give one rating per item, NaN where there is none",
        )
    return np.stack([a, b], axis=1)
