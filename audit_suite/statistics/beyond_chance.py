"""A table of ratings, and agreement beyond chance in it with every patient's influence.

Influences come from the jackknife over patients. In large samples it agrees with the published
linearised standard errors; with 40 or 100 patients its 95 % intervals covered up to 4 % more than
linearised ones, whose coverage was too low. Coverage in 500 to 1000 simulated studies per setting
(1 or 4 items per patient, findings in 10 or 40 %), if at least 20 patients have the rarer rating:
kappa 94 to 96 %, AC1 94 to 97 %, quadratic kappa 90 to 97 % with 40 patients and 93 to 96 % with
100, Fleiss' kappa 94 to 97 %, but 91 to 92 % if it is low (.4) and findings are rare: there the
estimate is too low.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit_suite.errors import AuditError
from audit_suite.statistics.estimate import Estimate, Keys
from audit_suite.statistics.influence import Influence
from audit_suite.statistics.numbering import as_patients, how_many, numbered
from audit_suite.verdict import NotApplicable

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Again = Callable[[Floats, NDArray[Any]], Estimate]
Coefficient = Callable[[Floats], tuple[Floats, Floats]]

_TINY = 1e-12  # rounding of sums of shares


class RatingTable(NamedTuple):
    """The items with enough ratings.

    Attributes:
        ratings: Shape (n, raters); NaN where missing.
        given: Shape (n, raters, levels), bool: the given level.
        names: Shape (n,), the patient, by number or name.
    """

    ratings: Floats
    given: Bools
    names: NDArray[Any]


def rating_table(
    ratings: ArrayLike,
    patients: ArrayLike,
    levels: Sequence[int] | None,
    label: str,
    needed: int,
) -> RatingTable:
    """Check ratings and keep the items with at least ``needed`` of them.

    Args:
        ratings: Shape (n, raters), whole numbers; NaN where not rated.
        patients: Shape (n,).
        levels: All ratings that could be given, in order; None: those given.
        label: What is estimated, for messages.
        needed: Fewest ratings of an item.

    Raises:
        AuditError: If shapes differ, a rating is not one of the levels, or there are fewer than two
            patients.
    """
    values, names = np.asarray(ratings, np.float64), as_patients(patients)
    if values.ndim != 2 or values.shape[1] < 2 or names.shape != values.shape[:1]:
        raise AuditError(
            f"{label}: ratings and patients have shapes {values.shape} and {names.shape}",
            "give one row per item, one column per rater (at least two), and one patient per item",
        )
    rated = ~np.isnan(values)
    possible = np.unique(values[rated]) if levels is None else np.asarray(levels, np.float64)
    given = values[:, :, None] == possible
    if strange := int((rated & ~given.any(axis=2)).sum()):
        raise AuditError(
            f"{label}: {strange} ratings are not among the levels {possible.tolist()}",
            "check the readings, or name all levels",
        )
    enough = rated.sum(axis=1) >= needed
    if (count := how_many(names[enough])) < 2:
        raise AuditError(f"{label}: {count} patients; a variance needs two", "audit on more data")
    return RatingTable(values[enough], given[enough], names[enough])


def beyond_chance(
    table: RatingTable,
    by_item: Floats,
    measure: Coefficient,
    differ: float,
    dataset: str,
    label: str,
    again: Again,
) -> Estimate:
    """Estimate (seen - expected) / (1 - expected) with every patient's influence.

    If the coefficient is undefined without a patient, it counts as 0 there: the ratings differ only
    in that patient's items. Perfect agreement shows no variance; it gets the variance of half a
    patient whose ratings differ, like all estimates at the end of their range (`estimate_mean`). A
    quarter of that is the minimum anywhere, because a rater who gives all items the same rating
    yields a kappa of 0 without variance.

    Args:
        table: The items.
        by_item: Shape (n, ...), the values that are summed over items.
        measure: Agreement seen, and expected by chance, from such sums; keeps any leading axes.
        differ: How often two ratings differ by chance, on the scale of the coefficient.
        dataset: Digest of the data set.
        label: Its name in messages and in the report.
        again: Computes it on other ratings and patients.

    Raises:
        NotApplicable: If every rating is the same: chance would agree as well.
    """
    if differ == 0:
        rating = table.ratings[~np.isnan(table.ratings)][0]
        raise NotApplicable(
            f"{label}: every rating is {rating:g}, so chance agrees as well as the readers do; "
            "agreement beyond chance is not defined"
        )
    unique, of_item = numbered(table.names)
    count = len(unique)
    sums = np.zeros((count, *by_item.shape[1:]))
    np.add.at(sums, of_item, by_item)

    def coefficient(sums: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            seen, expected = measure(sums)
            return np.where(1 - expected > _TINY, (seen - expected) / (1 - expected), 0.0)

    total = sums.sum(axis=0)
    value = float(coefficient(total))
    without = np.nan_to_num(coefficient(total - sums))
    jackknife = (without.mean() - without) * ((count - 1) / count) ** 0.5
    influence = Influence.of(dataset, unique, jackknife)
    half = 1 / (2 * count + 2)
    edge = min(half / differ / 2, 0.5)
    at_end = (1 - abs(value)) / 2 < edge
    floor = half * (1 - half) / count / differ**2 / (1 if at_end else 4)
    digest = hashlib.sha256(table.ratings.tobytes()).hexdigest()
    influence = influence.with_boundary(f"{dataset}/{digest}", floor - influence.variance)
    levels = table.given.any(axis=1)
    others = levels.sum(axis=1, keepdims=True) > levels

    def rebuild(keys: Keys) -> Estimate:
        kept = np.isin(table.names, keys.get(dataset, ()))
        return again(table.ratings[kept], table.names[kept])

    return Estimate(
        label=label,
        value=value,
        influence=influence,
        n_images=len(table.names),
        n_positives=None,
        fewest=min(how_many(table.names[other]) for other in others.T),
        bounds=(-1.0, 1.0),
        edge=edge,
        rebuild=rebuild,
    )
