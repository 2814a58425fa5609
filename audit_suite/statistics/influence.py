"""Influence of every patient on an estimate, for paired differences and clustered intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit_suite.errors import AuditError
from audit_suite.statistics.numbering import numbered

READERS = "readers"
"""Data set and stratum of the pseudo-patients that represent readers (`statistics.readers`)."""

_BOUNDARY = "boundary"
_WORTH = 15  # effective patients, from which on unequal shares of the images do little harm

Floats = NDArray[np.float64]


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


class Part(NamedTuple):
    """The patients of one data set, and their influence.

    Attributes:
        patients: Shape (n,), sorted, unique: their numbers, or their names.
        values: Shape (n,), the influence.
        names: The strata in which the influence was centred, sorted; some may be empty.
        strata: Shape (n,), each patient's, as its place among the names.
    """

    patients: NDArray[Any]
    values: Floats
    names: tuple[str, ...]
    strata: NDArray[np.int_]

    def __repr__(self) -> str:
        return f"Part of {len(self.values)} patients"

    def without_influence(self) -> Part:
        """The same patients, of whom another estimate knows nothing."""
        return self._replace(values=np.zeros(len(self.values)))


class Influence:
    """Influence of each patient, scaled so that the variance is the sum of squares.

    Not a dataclass: hypothesis, rich and others print the fields of these, and names of patients
    may be among them.

    Attributes:
        parts: By data set, in the order of their digests. Patients of one data set are compared by
            number (`Dataset.patients`), or by name where a caller has only names.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = dict(sorted(parts.items()))

    def __repr__(self) -> str:
        return f"Influence of {self.n_patients} patients"

    @staticmethod
    def of(
        dataset: str,
        patients: NDArray[Any],
        values: Floats,
        strata: NDArray[np.int_] | None = None,
        names: Sequence[str] = ("all",),
    ) -> Influence:
        """Influence on one data set.

        Args:
            dataset: Its digest.
            patients: Shape (n,), sorted, unique: numbers or names.
            values: Shape (n,).
            strata: Shape (n,), in which each patient's influence was centred (patients with and
                without a positive image, say), for the degrees of freedom; None for one stratum.
            names: Of the strata, sorted.
        """
        numbers = np.zeros(len(values), np.int_) if strata is None else strata
        return Influence({dataset: Part(patients, values, tuple(names), numbers)})

    @property
    def values(self) -> Floats:
        """Shape (n,), over all data sets."""
        parts = [part.values for part in self.parts.values()]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def shared_with(self, other: Influence) -> dict[str, NDArray[Any]]:
        """The patients of both, by data set."""
        shared = {
            dataset: np.intersect1d(part.patients, other.parts[dataset].patients)
            for dataset, part in self.parts.items()
            if dataset in other.parts and dataset != _BOUNDARY
        }
        return {dataset: patients for dataset, patients in shared.items() if len(patients)}

    def with_boundary(self, digest: str, variance: float) -> Influence:
        """Add variance that the patients do not show, as for an AUC at the end of its range.

        It belongs to a pseudo-patient named after the data, so that it cancels only in the
        difference of identical estimates.
        """
        if variance <= 0:
            return self
        edge = Influence.of(_BOUNDARY, np.array([digest]), np.array([variance**0.5]))
        return self.plus(edge, 1.0)

    def plus(self, other: Influence, factor: float) -> Influence:
        """``self + factor * other`` over the union of patients; missing patients count as 0."""
        return Influence(
            {
                dataset: Part(patients, mine + factor * theirs, names, strata)
                for dataset, patients, mine, theirs, names, strata in self._aligned(other)
            }
        )

    def strata_with(self, other: Influence) -> list[Stratum]:
        """Sums of squares and products with another influence, by stratum."""
        products = []
        for dataset, _, mine, theirs, names, strata in self._aligned(other):
            sizes = np.bincount(strata, minlength=len(names))
            sums = [
                np.bincount(strata, weights=values, minlength=len(names))
                for values in (mine * mine, mine * theirs, theirs * theirs)
            ]
            if dataset == _BOUNDARY:
                sizes = np.zeros_like(sizes)
            products += [
                Stratum(int(size), float(aa), float(ab), float(bb))
                for size, aa, ab, bb in zip(sizes, *sums, strict=True)
            ]
        return products

    def _aligned(
        self, other: Influence
    ) -> Iterator[tuple[str, NDArray[Any], Floats, Floats, tuple[str, ...], NDArray[np.int_]]]:
        """By data set the union of patients, both influences on it, and the strata."""
        for dataset in sorted(self.parts.keys() | other.parts.keys()):
            mine = self.parts.get(dataset) or other.parts[dataset].without_influence()
            theirs = other.parts.get(dataset) or mine.without_influence()
            yield dataset, *_together(mine, theirs, dataset)

    def times(self, factor: float) -> Influence:
        """Every influence multiplied by a number."""
        return Influence(
            {name: part._replace(values=part.values * factor) for name, part in self.parts.items()}
        )

    @property
    def variance(self) -> float:
        """Variance of the estimate."""
        return float(np.sum(self.values**2))

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946) over the strata."""
        spreads = [np.zeros(0)]
        for dataset, part in self.parts.items():
            shares = np.bincount(part.strata, weights=part.values**2)
            sizes = np.bincount(part.strata)
            known = (sizes > 1) & (dataset != _BOUNDARY)
            spreads.append(shares[known] ** 2 / (sizes[known] - 1))
        spread = float(np.sum(np.concatenate(spreads)))
        if spread == 0:
            return float(max(1, len(self.values) - 1))
        return max(1.0, self.variance**2 / spread)

    @property
    def n_patients(self) -> int:
        """Patients, over all data sets."""
        real = self.parts.keys() - {_BOUNDARY, READERS}
        return sum(len(self.parts[dataset].values) for dataset in real)


def _together(
    mine: Part, theirs: Part, dataset: str
) -> tuple[NDArray[Any], Floats, Floats, tuple[str, ...], NDArray[np.int_]]:
    """The union of the patients of one data set, both influences on it, and the strata."""
    if np.array_equal(mine.patients, theirs.patients):
        return mine.patients, mine.values, theirs.values, *_joined(mine, theirs)
    if (mine.patients.dtype.kind == "U") != (theirs.patients.dtype.kind == "U"):
        raise AuditError(
            f"patients of data set {dataset[:12]} are numbered in one estimate and named in "
            f"another, so they cannot be paired",
            "give `patients` in the same form, for example `Dataset.patients`, to both",
        )
    patients, at, there = _merged(mine.patients, theirs.patients)
    one, other = _placed(mine, patients, at), _placed(theirs, patients, there)
    return patients, one.values, other.values, *_joined(one, other)


def _merged(
    some: NDArray[Any], more: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.int_], NDArray[np.int_]]:
    """The union of sorted patients, and the places of each."""
    at = np.searchsorted(some, more)
    known = at < len(some)
    known[known] = some[at[known]] == more[known]
    new = at[~known]
    widest = np.result_type(some.dtype, more.dtype)
    patients: NDArray[Any] = np.insert(some.astype(widest), new, more[~known])
    places = np.arange(len(some))
    mine = places + np.searchsorted(new, places, side="right")
    theirs = np.empty(len(more), np.int_)
    theirs[known] = mine[at[known]]
    theirs[~known] = new + np.arange(len(new))
    return patients, mine, theirs


def _placed(part: Part, patients: NDArray[Any], where: NDArray[np.int_]) -> Part:
    """A part among more patients, who have no influence and no stratum."""
    values, strata = np.zeros(len(patients)), np.zeros(len(patients), np.int_)
    values[where], strata[where] = part.values, part.strata + 1
    return Part(patients, values, ("", *part.names), strata)


def _joined(some: Part, more: Part) -> tuple[tuple[str, ...], NDArray[np.int_]]:
    """Strata of patients that two estimates have in common: both names where they differ."""
    if some.names == more.names and np.array_equal(some.strata, more.strata):
        return some.names, some.strata
    pairs = some.strata * len(more.names) + more.strata
    present = np.flatnonzero(np.bincount(pairs))
    names = [
        _both(some.names[pair // len(more.names)], more.names[pair % len(more.names)])
        for pair in present.tolist()
    ]
    joined = tuple(sorted(set(names)))
    place = np.zeros(len(some.names) * len(more.names), np.int_)
    place[present] = [joined.index(name) for name in names]
    return joined, place[pairs]


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


def patients_for_verdict(patients: NDArray[Any], weights: NDArray[np.float64]) -> int:
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
    unique, of_image = numbered(patients)
    shares = np.bincount(of_image, weights=weights)
    squares = float(shares @ shares)
    worth = shares.sum() ** 2 / squares if squares else 0.0
    return len(unique) if worth >= _WORTH else int(worth + 1e-9)
