"""Patients as whole numbers: names are sorted once per data set, numbers are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SPARSE = 16  # numbers up to so many times the images are counted, wider ones sorted


def as_patients(patients: ArrayLike) -> NDArray[Any]:
    """Patients as numbers (`Dataset.patients`) if they are whole numbers, else as names.

    Args:
        patients: Shape (n,).
    """
    given = np.asarray(patients)
    if given.dtype.kind in "iu":
        return given.astype(np.int_, copy=False)
    return given.astype(np.str_, copy=False)


def numbered(patients: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int_]]:
    """As `numpy.unique` with its inverse; whole numbers from 0 are counted instead of sorted.

    Args:
        patients: Shape (n,), numbers or names.

    Returns:
        The different patients, sorted, and for each image the place of its patient among them.
    """
    if patients.dtype.kind in "iu" and len(patients):
        low, high = int(patients.min()), int(patients.max())
        if low >= 0 and high < _SPARSE * len(patients):
            there = np.bincount(patients) > 0
            return np.flatnonzero(there), (np.cumsum(there) - 1)[patients]
    unique, of_image = np.unique(patients, return_inverse=True)
    return unique, of_image


def how_many(patients: NDArray[Any]) -> int:
    """The number of different patients.

    Args:
        patients: Shape (n,), numbers or names.
    """
    return len(numbered(patients)[0])
