"""Agreement beyond chance, of two raters or many, clustered by patient.

Influences are by the jackknife over patients. In large samples it meets the linearised standard
errors in print; with 40 or 100 patients its 95 % intervals covered up to 4 % more than linearised
ones, which fell short. In 500 to 1000 simulated studies a cell (1 or 4 items a patient, findings
in 10 or 40 %) it covered, where at least 20 patients have the rarer rating, 94 to 96 % for kappa,
94 to 97 % for AC1; quadratic kappa of 40 patients 90 to 97 %, of 100 patients 93 to 96 %; Fleiss'
kappa 94 to 97 %, but 91 to 92 % where it is low (.4) and findings are rare: then it errs downwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit_suite.errors import AuditError
from audit_suite.statistics.estimate import Estimate, Keys
from audit_suite.statistics.influence import Influence
from audit_suite.verdict import NotApplicable

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = Literal["none", "linear", "quadratic"]
Again = Callable[[Floats, NDArray[np.str_]], Estimate]
Measure = Callable[[Floats], tuple[Floats, Floats]]

_TINY = 1e-12  # sums of shares are not exact


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
        dataset: Digest of the data set; patients are told apart by data set.
        label: What it is, in words.
        weights: How much a disagreement counts: ``none``, all alike; else by the steps along
            ``levels`` from one rating to the other, or by their square.
        levels: All ratings that could be given, in order; None (unweighted only): those given.

    Raises:
        AuditError: If shapes differ, a rating is none of the levels, or there are fewer than two
            patients.
        NotApplicable: If every rating is the same: chance would agree as well.
        ValueError: If there are weights but no levels.
    """
    if levels is None and weights != "none":
        raise ValueError("a weighted kappa needs all its levels, in order")
    table = _table(_columns(first, second, label), patients, levels, label, needed=2)
    place = np.arange(table.given.shape[2])
    steps = np.abs(place[:, None] - place) / max(len(place) - 1, 1)
    agree = {"none": 1.0 - (steps > 0), "linear": 1 - steps, "quadratic": 1 - steps**2}[weights]

    def measure(sums: Floats) -> tuple[Floats, Floats]:
        items = sums.sum(axis=(-2, -1))
        rows, columns = sums.sum(axis=-1), sums.sum(axis=-2)
        seen = (sums * agree).sum(axis=(-2, -1)) / items
        return seen, ((rows @ agree) * columns).sum(axis=-1) / items**2

    p, q = table.given.mean(axis=0)
    return _estimate(
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
    """Fleiss' kappa of two or more raters, not all of whom need have rated all items.

    Psychological Bulletin 76, 1971; with missing ratings as in Gwet, Handbook of Inter-Rater
    Reliability, 4th edition 2014, chapter 2: agreement is averaged over items with two ratings or
    more, shares of the levels over items with any.

    Args:
        ratings: Shape (n, raters), whole numbers; NaN where not rated (-1 is a rating).
        patients: Shape (n,).
        dataset: Digest of the data set; patients are told apart by data set.
        label: What it is, in words.
        levels: All ratings that could be given; None: those given.

    Raises:
        AuditError: As `estimate_kappa`, or if no item has two ratings.
        NotApplicable: As `estimate_kappa`.
    """
    table = _table(ratings, patients, levels, label, needed=1)

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
    """Gwet's AC1: like Fleiss' kappa, but hardly moved by how common the levels are.

    British Journal of Mathematical and Statistical Psychology 61, 2008. Chance agrees where a
    rating is a guess, which it takes to be the rarer the less evenly levels are used; so it is
    defined, and 1, where all say "absent" of every item.

    Args:
        ratings: Shape (n, raters), whole numbers; NaN where not rated.
        patients: Shape (n,).
        dataset: Digest of the data set; patients are told apart by data set.
        label: What it is, in words.
        levels: All ratings that could be given; their number matters, two at least.

    Raises:
        AuditError: As `estimate_fleiss`.
        ValueError: If there are fewer than two levels.
    """
    if len(levels) < 2:
        raise ValueError("AC1 needs all the levels that could be given, two at least")
    table = _table(ratings, patients, levels, label, needed=1)

    def chance(mean: Floats) -> Floats:
        guessed: Floats = (mean * (1 - mean)).sum(axis=-1) / (len(levels) - 1)
        return guessed

    found = _of_many(
        table,
        chance,
        dataset,
        label,
        lambda ratings, names: estimate_ac1(ratings, names, dataset, label, levels),
    )
    # its interval, unlike kappa's, covers however rare a level is
    return replace(found, fewest=found.n_patients)


class _Table(NamedTuple):
    """Items with the ratings they need.

    Attributes:
        ratings: Shape (n, raters); NaN where missing.
        given: Shape (n, raters, levels), bool: which level was given.
        names: Shape (n,), the patient.
    """

    ratings: Floats
    given: Bools
    names: NDArray[np.str_]


def _columns(first: ArrayLike, second: ArrayLike, label: str) -> Floats:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise AuditError(
            f"{label}: the two raters' ratings have shapes {a.shape} and {b.shape}",
            "give one rating an item, NaN where there is none",
        )
    return np.stack([a, b], axis=1)


def _table(
    ratings: ArrayLike,
    patients: ArrayLike,
    levels: Sequence[int] | None,
    label: str,
    needed: int,
) -> _Table:
    """Check ratings and keep the items with as many as needed."""
    values, names = np.asarray(ratings, np.float64), np.asarray(patients).astype(np.str_)
    if values.ndim != 2 or values.shape[1] < 2 or names.shape != values.shape[:1]:
        raise AuditError(
            f"{label}: ratings and patients have shapes {values.shape} and {names.shape}",
            "give one row an item, one column a rater, two at least, and one patient an item",
        )
    rated = ~np.isnan(values)
    possible = np.unique(values[rated]) if levels is None else np.asarray(levels, np.float64)
    given = values[:, :, None] == possible
    if strange := int((rated & ~given.any(axis=2)).sum()):
        raise AuditError(
            f"{label}: {strange} ratings are none of the levels {possible.tolist()}",
            "look at the readings, or name all levels",
        )
    enough = rated.sum(axis=1) >= needed
    if (count := len(np.unique(names[enough]))) < 2:
        raise AuditError(f"{label}: {count} patients; a variance needs two", "audit on more data")
    return _Table(values[enough], given[enough], names[enough])


def _of_many(
    table: _Table, chance: Callable[[Floats], Floats], dataset: str, label: str, again: Again
) -> Estimate:
    """Agreement of pairs of raters beyond what chance gives for the mean shares of the levels."""
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
    return _estimate(table, by_item, measure, differ, dataset, label, again)


def _estimate(
    table: _Table,
    by_item: Floats,
    measure: Measure,
    differ: float,
    dataset: str,
    label: str,
    again: Again,
) -> Estimate:
    """(seen - expected) / (1 - expected), with every patient's influence by the jackknife.

    What leaving a patient out leaves undefined counts as 0: all there was to agree on was theirs.
    Perfect agreement shows no variance. It gets that of half a patient whose ratings differ, as
    the end of any range does here (`estimate_mean`); and a quarter of it is the least anywhere,
    since a rater who gives all items one rating makes kappa 0 with no variance either.

    Args:
        table: The items.
        by_item: Shape (n, ...), what is summed over items.
        measure: Agreement seen, and expected by chance, from such sums of shape (..., ...).
        differ: How often two ratings differ by chance, whatever that counts.
        dataset: Digest of the data set.
        label: What it is, in words.
        again: Computes it on other items.
    """
    if differ == 0:
        rating = table.ratings[~np.isnan(table.ratings)][0]
        raise NotApplicable(
            f"{label}: every rating is {rating:g}, so chance agrees as well as the readers do; "
            "agreement beyond chance is not defined"
        )
    unique, of_item = np.unique(table.names, return_inverse=True)
    count = len(unique)
    sums = np.zeros((count, *by_item.shape[1:]))
    np.add.at(sums, of_item, by_item)

    def beyond_chance(sums: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            seen, expected = measure(sums)
            return np.where(1 - expected > _TINY, (seen - expected) / (1 - expected), 0.0)

    total = sums.sum(axis=0)
    value = float(beyond_chance(total))
    without = np.nan_to_num(beyond_chance(total - sums))
    influence = (without.mean() - without) * ((count - 1) / count) ** 0.5
    found = Influence.of(dataset, unique, influence, np.full(count, "all"))
    half = 1 / (2 * count + 2)
    edge = min(half / differ / 2, 0.5)
    at_end = (1 - abs(value)) / 2 < edge
    floor = half * (1 - half) / count / differ**2 / (1 if at_end else 4)
    digest = hashlib.sha256(table.ratings.tobytes()).hexdigest()
    found = found.with_boundary(f"{dataset}/{digest}", floor - found.variance)
    levels = table.given.any(axis=1)
    others = levels.sum(axis=1, keepdims=True) > levels

    def rebuild(keys: Keys) -> Estimate:
        kept = np.isin(np.char.add(f"{dataset}/", table.names), keys)
        return again(table.ratings[kept], table.names[kept])

    return Estimate(
        label=label,
        value=value,
        influence=found,
        n_images=len(table.names),
        n_positives=None,
        fewest=min(len(np.unique(table.names[other])) for other in others.T),
        bounds=(-1.0, 1.0),
        edge=edge,
        rebuild=rebuild,
    )
