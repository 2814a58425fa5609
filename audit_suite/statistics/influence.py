"""Influence of every patient on an estimate, for paired differences and clustered intervals."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

READERS = "readers"
"""Stratum of the pseudo-patients that represent readers (`statistics.readers`)."""

_BOUNDARY = "boundary"
_WORTH = 15  # effective patients, from which on unequal shares of the images do little harm
_KEPT = 8  # data sets whose keys are kept: estimates of one data set share them

Strata = tuple[NDArray[np.str_], NDArray[np.int_]]
"""Names, sorted, and the number of each patient's: compared far faster than names."""


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

    __slots__ = ("_strata", "keys", "values")

    def __init__(
        self,
        keys: NDArray[np.str_],
        values: NDArray[np.float64],
        groups: NDArray[np.str_] | Strata,
    ) -> None:
        self.keys, self.values = keys, values
        self._strata = groups if isinstance(groups, tuple) else _numbered(groups)

    def __repr__(self) -> str:
        return f"Influence of {self.n_patients} patients"

    @property
    def groups(self) -> NDArray[np.str_]:
        """By name."""
        names, numbers = self._strata
        return names[numbers]

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
        texts = np.ascontiguousarray(patients, np.str_)
        keys, order = _keys(dataset, texts.tobytes(), texts.dtype.str)
        names, numbers = _numbered(groups.astype(np.str_))
        strata = np.char.add(f"{dataset}/", names), numbers[order]
        return Influence(keys, values[order], strata)

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
        keys, mine, theirs, strata = self._aligned(other)
        return Influence(keys, mine + factor * theirs, strata)

    def strata_with(self, other: Influence) -> list[Stratum]:
        """Sums of squares and products with another influence, by stratum."""
        _, mine, theirs, (names, numbers) = self._aligned(other)
        sizes = np.bincount(numbers, minlength=len(names))
        squares, products, others = (
            np.bincount(numbers, weights=values, minlength=len(names))
            for values in (mine * mine, mine * theirs, theirs * theirs)
        )
        return [
            Stratum(0 if name == _BOUNDARY else int(size), float(aa), float(ab), float(bb))
            for name, size, aa, ab, bb in zip(names, sizes, squares, products, others, strict=True)
        ]

    def _aligned(
        self, other: Influence
    ) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float64], Strata]:
        """The union of patients, both influences on it, and the strata."""
        if self.keys is other.keys or np.array_equal(self.keys, other.keys):
            return self.keys, self.values, other.values, _joined(self._strata, other._strata)
        keys, at, there = _merged(self.keys, other.keys)
        mine, theirs = np.zeros(len(keys)), np.zeros(len(keys))
        mine[at], theirs[there] = self.values, other.values
        none = np.array([""]), np.zeros(len(keys), np.int_)
        strata = _joined(_placed(none, self._strata, at), _placed(none, other._strata, there))
        return keys, mine, theirs, strata

    def times(self, factor: float) -> Influence:
        """Every influence multiplied by a number."""
        return Influence(self.keys, self.values * factor, self._strata)

    @property
    def variance(self) -> float:
        """Variance of the estimate."""
        return float(np.sum(self.values**2))

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946) over the strata."""
        names, numbers = self._strata
        shares = np.bincount(numbers, weights=self.values**2, minlength=len(names))
        sizes = np.bincount(numbers, minlength=len(names))
        known = (sizes > 1) & (names != _BOUNDARY)
        spread = float(np.sum(shares[known] ** 2 / (sizes[known] - 1)))
        if spread == 0:
            return float(max(1, len(self.values) - 1))
        return max(1.0, self.variance**2 / spread)

    @property
    def n_patients(self) -> int:
        """Patients, over all data sets."""
        names, numbers = self._strata
        return int(np.sum(~np.isin(names, (_BOUNDARY, READERS))[numbers]))


def _numbered(groups: NDArray[np.str_]) -> Strata:
    names, numbers = np.unique(groups, return_inverse=True)
    return names, numbers


@lru_cache(maxsize=_KEPT)
def _keys(dataset: str, texts: bytes, kind: str) -> tuple[NDArray[np.str_], NDArray[np.int_]]:
    """Sorted keys of patients, and the order that sorts them."""
    keys = np.char.add(f"{dataset}/", np.frombuffer(texts, kind))
    order = np.argsort(keys)
    keys = keys[order]
    keys.flags.writeable = order.flags.writeable = False
    return keys, order


def _merged(
    some: NDArray[np.str_], more: NDArray[np.str_]
) -> tuple[NDArray[np.str_], NDArray[np.int_], NDArray[np.int_]]:
    """The union of sorted keys, and the places of each."""
    at = np.searchsorted(some, more)
    known = at < len(some)
    known[known] = some[at[known]] == more[known]
    new = at[~known]
    widest = np.result_type(some.dtype, more.dtype)
    keys: NDArray[np.str_] = np.insert(some.astype(widest), new, more[~known])
    places = np.arange(len(some))
    mine = places + np.searchsorted(new, places, side="right")
    theirs = np.empty(len(more), np.int_)
    theirs[known] = mine[at[known]]
    theirs[~known] = new + np.arange(len(new))
    return keys, mine, theirs


def _placed(none: Strata, strata: Strata, where: NDArray[np.int_]) -> Strata:
    """Strata of some patients among others, who have none."""
    numbers = none[1].copy()
    numbers[where] = strata[1] + 1
    return np.concatenate([none[0], strata[0]]), numbers


def _joined(some: Strata, more: Strata) -> Strata:
    """Strata of patients that two estimates have in common: both names where they differ."""
    if some[1] is more[1] and np.array_equal(some[0], more[0]):
        return some
    pairs, numbers = np.unique(some[1] * len(more[0]) + more[1], return_inverse=True)
    names = [_both(str(some[0][p // len(more[0])]), str(more[0][p % len(more[0])])) for p in pairs]
    joined, renumbered = _numbered(np.array(names))
    return joined, renumbered[numbers]


def _both(name: str, other: str) -> str:
    return f"{name}|{other}" if name and other and name != other else name or other


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


def patients_for_verdict(patients: NDArray[np.str_], weights: NDArray[np.float64]) -> int:
    """The number of patients, or what they are worth where a few of them hold most of the images.

    What they are worth is Kish's effective number (1965, 8.2): the squared sum of their shares over
    the sum of the squares. In simulations 95 % intervals covered .93 to .96 while it was 15 or
    more, .91 to .92 at 10 and .84 at 6 (800 to 1,500 each, AUROCs of 20 to 300 patients).

    Args:
        patients: Shape (n,), of each image.
        weights: Shape (n,), 0 or more.

    Returns:
        The number of patients if they are worth `_WORTH` or more, else their worth, rounded down.
    """
    unique, of_image = np.unique(patients, return_inverse=True)
    shares = np.bincount(of_image, weights=weights)
    squares = float(shares @ shares)
    worth = shares.sum() ** 2 / squares if squares else 0.0
    return len(unique) if worth >= _WORTH else int(worth + 1e-9)
