"""Groups of images that share the value of a tag, or of two tags: who is in which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import case_mix
from audit_suite.datasets.dataset import Case
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.needs.scores.bands import band_edges, bands
from audit_suite.statistics.numbering import how_many

FEWEST = 30
"""Patients with, and without, the finding that a group needs before it is judged."""

PAIR = 2
"""Patients of each class within which images can be compared at all."""

_BANDS = (100 / 3, 200 / 3)  # percentiles
_OTHER = "another value"

Tags = tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """The images of a data set by the values of one tag, or of two.

    Attributes:
        tags: The tags.
        names: The groups in words, ``site: north`` or ``site: north, sex: F``, in order.
        codes: Shape (all images,), the number of each image's group.
    """

    tags: Tags
    names: tuple[str, ...]
    codes: NDArray[np.int_]


@dataclass(frozen=True)
class Size:
    """Patients of a group who have an image with, and one without, the finding; and all of them."""

    positives: int
    negatives: int
    patients: int

    @property
    def lack(self) -> str:
        """Why the group is not judged, in words; empty if it is large enough."""
        if min(self.positives, self.negatives) >= FEWEST:
            return ""
        return (
            f"{self.positives} patients with and {self.negatives} without the finding; {FEWEST} of "
            f"each are needed"
        )


def tags_of(cell: Cell) -> Tags:
    """The declared tags that divide patients into groups.

    A tag that names folds, or reports the disease itself (``legitimate``), does not.
    """
    card = cell.dataset
    apart = {cell.model.held_out, *card.legitimate}
    return tuple(tag for tag in card.metadata if tag not in apart)


def splits(cell: Cell, source: EvidenceSource, order: int) -> Iterator[Split]:
    """Every division of a cell's images into two groups or more.

    Args:
        cell: Where.
        source: Data sets.
        order: 1 for single tags, 2 for pairs of tags.
    """
    cases = source.dataset(cell.dataset).cases
    for tags in combinations(tags_of(cell), order):
        split = split_by(cases, tags)
        if len(split.names) > 1:
            yield split


def split_by(cases: Sequence[Case], tags: Tags) -> Split:
    """The images by the values of some tags.

    Every value is a group; numbers of more than six values are cut into three bands of equal size,
    and images whose tag is unknown are a group. Values that only few patients have are joined, as
    everywhere in the report (`datasets.case_mix`): a value of one patient may name them.

    Args:
        cases: All images.
        tags: One tag, or several for their crossing.
    """
    patients = np.array([case.patient for case in cases])
    each = [_named(tag, [str(case.metadata[tag]) for case in cases], patients) for tag in tags]
    words = np.array([", ".join(parts) for parts in zip(*each, strict=True)])
    names, codes = np.unique(words, return_inverse=True)
    return Split(tags, tuple(map(str, names)), codes.astype(np.int_))


def sizes(
    split: Split, labels: NDArray[np.int_], patients: NDArray[np.int_], used: NDArray[np.bool_]
) -> list[Size]:
    """How many patients of each class each group of a split has.

    Args:
        split: The groups.
        labels: Shape (used images,), 0 or 1.
        patients: Shape (used images,).
        used: Shape (all images,), which are used.
    """
    codes = split.codes[used]

    def count(chosen: NDArray[np.bool_]) -> int:
        return how_many(patients[chosen])

    return [
        Size(count(here & (labels == 1)), count(here & (labels == 0)), count(here))
        for here in (codes == number for number in range(len(split.names)))
    ]


def beside(each: Sequence[Size], number: int) -> Size:
    """The other groups, as far as patients can be compared within them."""
    others = [
        one
        for place, one in enumerate(each)
        if place != number and min(one.positives, one.negatives) >= PAIR
    ]
    return Size(
        sum(one.positives for one in others),
        sum(one.negatives for one in others),
        sum(one.patients for one in others),
    )


def _named(tag: str, values: Sequence[str], patients: NDArray[np.str_]) -> list[str]:
    """The group of each image by one tag, in words."""
    bands = _bands(tag, values)
    if bands is not None:
        return bands
    holders: dict[str, set[str]] = {}
    for value, patient in zip(values, patients, strict=True):
        holders.setdefault(value, set()).add(str(patient))
    common = sorted(holders, key=lambda value: (-len(holders[value]), value))
    kept = {
        value
        for value in common[: case_mix.MOST]
        if len(holders[value]) >= case_mix.FEWEST and len(value) <= case_mix.LONGEST
    }
    return [f"{tag}: {(value or 'unknown') if value in kept else _OTHER}" for value in values]


def _bands(tag: str, values: Sequence[str]) -> list[str] | None:
    """Thirds of a tag's numbers in words; None if it does not hold many numbers."""
    edges = band_edges(values, _BANDS)
    if edges is None:
        return None
    ends = [f"below {edges[0]:.4g}"]
    ends += [f"{low:.4g} to below {high:.4g}" for low, high in pairwise(edges)]
    ends += [f"{edges[-1]:.4g} or more"]
    words = ("unknown" if band is None else ends[band] for band in bands(values, edges))
    return [f"{tag}: {word}" for word in words]
