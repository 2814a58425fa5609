"""Influence of every patient on an estimate, for paired differences and clustered intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

READERS = "readers"
"""Stratum of the pseudo-patients that represent readers (`statistics.readers`)."""

_BOUNDARY = "boundary"


class Stratum(NamedTuple):
    """Sums over the patients of one stratum, for the variance of any contrast of two estimates.

    Attributes:
        patients: How many; 0 for variance that no patient shows.
        first: Sum of the squared influences on the first estimate.
        product: Sum of the products of both influences.
        second: Sum of the squared influences on the second estimate.
    """

    patients: int
    first: float
    product: float
    second: float


class Influence:
    """Influence of each patient, scaled so that the variance is the sum of squares.

    Not a dataclass: hypothesis, rich and others print the fields of these, and its keys are
    patients.

    Attributes:
        keys: Shape (n,), sorted, unique: data set digest and patient.
        values: Shape (n,), the influence.
        groups: Shape (n,), the stratum in which each patient's influence was centred (by data set,
            patients with and without a positive image), for the degrees of freedom.
    """

    __slots__ = ("groups", "keys", "values")

    def __init__(
        self,
        keys: NDArray[np.str_],
        values: NDArray[np.float64],
        groups: NDArray[np.str_],
    ) -> None:
        self.keys, self.values, self.groups = keys, values, groups

    def __repr__(self) -> str:
        return f"Influence of {self.n_patients} patients"

    @staticmethod
    def of(
        dataset: str,
        patients: NDArray[np.str_],
        values: NDArray[np.float64],
        groups: NDArray[np.str_],
    ) -> Influence:
        """Influence on one data set.

        Args:
            dataset: Its digest.
            patients: Shape (n,), unique.
            values: Shape (n,).
            groups: Shape (n,).
        """
        keys = np.char.add(f"{dataset}/", patients.astype(np.str_))
        order = np.argsort(keys)
        labels = np.char.add(f"{dataset}/", groups.astype(np.str_))
        return Influence(keys[order], values[order], labels[order])

    def with_boundary(self, digest: str, variance: float) -> Influence:
        """Add variance that the patients do not show, as for an AUC at the end of its range.

        It belongs to a pseudo-patient named after the data, so that it cancels only in the
        difference of identical estimates.
        """
        if variance <= 0:
            return self
        key = np.array([f"{_BOUNDARY}/{digest}"])
        return self.plus(Influence(key, np.array([variance**0.5]), np.array([_BOUNDARY])), 1.0)

    def plus(self, other: Influence, factor: float) -> Influence:
        """``self + factor * other`` over the union of patients; missing patients count as 0."""
        keys, mine, theirs, groups = self._aligned(other)
        return Influence(keys, mine + factor * theirs, groups)

    def strata_with(self, other: Influence) -> list[Stratum]:
        """Sums of squares and products with another influence, by stratum."""
        _, mine, theirs, groups = self._aligned(other)
        names, of_patient = np.unique(groups, return_inverse=True)
        sizes = np.bincount(of_patient)
        squares, products, others = (
            np.bincount(of_patient, weights=values)
            for values in (mine * mine, mine * theirs, theirs * theirs)
        )
        return [
            Stratum(0 if name == _BOUNDARY else int(size), float(aa), float(ab), float(bb))
            for name, size, aa, ab, bb in zip(names, sizes, squares, products, others, strict=True)
        ]

    def _aligned(
        self, other: Influence
    ) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
        """The union of patients, both influences on it, and the strata."""
        keys = np.union1d(self.keys, other.keys)
        at, there = np.searchsorted(keys, self.keys), np.searchsorted(keys, other.keys)
        mine, theirs = np.zeros(len(keys)), np.zeros(len(keys))
        mine[at], theirs[there] = self.values, other.values
        groups: NDArray[np.object_] = np.full(len(keys), "", object)
        groups[at] = self.groups
        both = groups[there]
        differ = (both != "") & (both != other.groups)
        groups[there] = np.where(
            differ,
            both + np.full(len(both), "|", object) + other.groups.astype(object),
            other.groups,
        )
        return keys, mine, theirs, groups.astype(np.str_)

    def times(self, factor: float) -> Influence:
        """Every influence multiplied by a number."""
        return Influence(self.keys, self.values * factor, self.groups)

    @property
    def variance(self) -> float:
        """Variance of the estimate."""
        return float(np.sum(self.values**2))

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946) over the strata."""
        groups, position = np.unique(self.groups, return_inverse=True)
        shares = np.bincount(position, weights=self.values**2)
        sizes = np.bincount(position)
        known = (sizes > 1) & (groups != _BOUNDARY)
        spread = float(np.sum(shares[known] ** 2 / (sizes[known] - 1)))
        if spread == 0:
            return float(max(1, len(self.values) - 1))
        return max(1.0, self.variance**2 / spread)

    @property
    def n_patients(self) -> int:
        """Patients, over all data sets."""
        return int(np.sum(~np.isin(self.groups, (_BOUNDARY, READERS))))


def shared_variance(influence: NDArray[np.float64], donors: NDArray[np.int_]) -> float:
    """Variance that images share because they have the same donor.

    The amount that two-way clustering (Cameron, Gelbach and Miller, J Bus Econ Stat 29, 2011) adds
    to the variance by patient. A few donors serve all images; if their images affect the score,
    averaging over more images does not remove this effect.

    Args:
        influence: Shape (n,), influence of each image.
        donors: Shape (n,), whole numbers from 0: the donor of each image.

    Returns:
        The addition; it may be negative.
    """
    by_donor = np.bincount(donors, weights=influence)
    return float((by_donor**2).sum() - (influence**2).sum())


def effective_patients(patients: NDArray[np.str_], weights: NDArray[np.float64]) -> int:
    """The number of patients with equal shares that would be worth as much (Kish 1965, 8.2).

    One patient with a quarter of the images decides an estimate almost alone. With 100 patients of
    each class 95 % intervals covered .93 to .95 while this number was 20 or more, .93 at 15, .91 at
    11 and .84 at 6 (800 simulations each).

    Args:
        patients: Shape (n,), of each image.
        weights: Shape (n,), 0 or more.

    Returns:
        The number, rounded down; 0 without an image.
    """
    _, of_image = np.unique(patients, return_inverse=True)
    shares = np.bincount(of_image, weights=weights)
    squares = float(shares @ shares)
    return int(shares.sum() ** 2 / squares + 1e-9) if squares else 0
