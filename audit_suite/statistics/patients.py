"""How many patients a chance takes, at the present prevalence and images per patient."""

from __future__ import annotations

import math
from collections.abc import Callable

from audit_suite.statistics.design import Cohort

MOST = 10_000_000
"""Patients beyond which a number is not realistic."""


def patients_needed(
    chance: Callable[[Cohort], float], cohort: Cohort, wanted: float, exact: float = 1e-3
) -> int | None:
    """The smallest number of patients at which a chance is what is wanted.

    Args:
        chance: The chance with a cohort, which does not fall as patients are added.
        cohort: The present patients; their prevalence and images per patient are kept.
        wanted: The chance wanted, in (0, 1).
        exact: By which share of itself the number may be too large.

    Returns:
        Patients of both classes; fewer than the present ones if these are more than enough. None
        if no realistic number gives that chance.
    """
    most = MOST / cohort.patients
    factor = times_needed(lambda times: chance(cohort.times(times)), wanted, most, exact)
    return None if factor is None else math.ceil(factor * cohort.patients)


def times_needed(
    chance: Callable[[float], float], wanted: float, most: float, exact: float = 1e-3
) -> float | None:
    """The smallest factor at which a chance is what is wanted; as `patients_needed`.

    Several targets of one cohort share a factor: their chances are multiplied in ``chance``.

    Args:
        chance: The chance with so many times the patients.
        wanted: The chance wanted, in (0, 1).
        most: The largest factor that is realistic.
        exact: By which share of itself the factor may be too large.
    """
    low, high = 0.0, 1.0
    while high <= most and chance(high) < wanted:
        low, high = high, 2 * high
    if high > most:
        return None
    while high - low > exact * high:
        middle = (low + high) / 2
        if chance(middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def two_digits(number: float) -> int:
    """A number of patients as a forecast can give it: two digits, rounded up."""
    unit: int = 10 ** max(0, len(str(math.ceil(number))) - 2)
    return math.ceil(number / unit) * unit
