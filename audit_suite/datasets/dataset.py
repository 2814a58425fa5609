"""A data set as the engine sees it, whichever reader it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError


class BadImage(AuditError):
    """One image or mask that cannot be used; names the row, never the file or the patient."""


@dataclass(frozen=True, slots=True, repr=False)
class Case(Discreet):
    """One image of a data set.

    Attributes:
        id: Unique in the data set; stays inside the process.
        patient: The patient's id; stays inside the process.
        labels: 0 or 1 by target; a target that the image has no label of is missing.
        metadata: Declared tags as text, empty where unknown.
        quality: Quality of its masks, 0 to 1 (for example Dice RCA); None where unknown.
        row: Line of the manifest as an editor counts (the header is line 1); without a manifest,
            the image's number from 1.
        burned_in: Whether text is burned into the image, which may name the patient: people are
            never shown it.
    """

    id: str = field(repr=False)
    patient: str = field(repr=False)
    labels: Mapping[str, int]
    metadata: Mapping[str, str]
    row: int
    quality: float | None = None
    burned_in: bool = False

    @property
    def shown(self) -> bool:
        """Whether people may see the image: in a report, which travels, or in a reading pack."""
        return not self.burned_in


UNLABELLED = -1


def labels_of(cases: Sequence[Case], target: str) -> NDArray[np.int_]:
    """The labels of one target, shape (n,): 0, 1, or `UNLABELLED` where an image has none."""
    return np.array([case.labels.get(target, UNLABELLED) for case in cases], np.int_)


@dataclass(frozen=True, repr=False)
class Sample(Discreet):
    """A decoded image.

    Attributes:
        image: Shape (H, W) uint8 or uint16, or (H, W, 3) uint8.
        regions: Masks by name, each of shape (H, W), bool.
        file: The image's file, for a model card's own function; None if there is none.
    """

    image: NDArray[Any]
    regions: dict[str, NDArray[np.bool_]]
    file: Path | None = field(default=None, repr=False)


@dataclass(frozen=True, repr=False)
class Dataset(Discreet):
    """A data set whose labels are checked and whose images are read one by one.

    Attributes:
        card: Its card.
        digest: SHA-256 of everything that decides the labels and what `read` returns.
        cases: The images, in order.
        excluded: Why rows were left out before reading, by row.
        notes: What else the report should say of the data, as counts.
        read: The image of a case by its position; raises `BadImage`. Safe for threads.
        sampled_from: All images, where these are a sample of them for a quick run; else None.
    """

    card: DatasetCard
    digest: str
    cases: tuple[Case, ...]
    read: Callable[[int], Sample]
    excluded: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    sampled_from: Dataset | None = field(default=None, repr=False)

    @cached_property
    def patients(self) -> NDArray[np.int_]:
        """Shape (n,): the patient of each case as a number from 0, in the order of their names.

        Names are sorted once here; what is estimated on the data set compares numbers.
        """
        names = sorted({case.patient for case in self.cases})
        number_of = {name: number for number, name in enumerate(names)}
        numbers = np.array([number_of[case.patient] for case in self.cases], np.int_)
        numbers.flags.writeable = False
        return numbers

    def labels_of(self, target: str) -> NDArray[np.int_]:
        """The labels of one target, as the function `labels_of`; read once."""
        if target not in self._labels:
            labels = labels_of(self.cases, target)
            labels.flags.writeable = False
            self._labels[target] = labels
        return self._labels[target]

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int_]]:
        return {}
