"""Bands of a tag's numbers, where it has too many values for a group each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MANY = 6  # numbers with more values than this are cut into bands


def band_edges(values: Sequence[str], percentiles: Sequence[float]) -> NDArray[np.float64] | None:
    """The numbers at which bands begin; None if the values are not many different numbers.

    Args:
        values: A tag's values; empty where it is unknown.
        percentiles: Of the known numbers, between 0 and 100.
    """
    try:
        numbers = np.array([float(value) for value in values if value])
    except ValueError:
        return None
    if len(np.unique(numbers)) <= _MANY or not np.isfinite(numbers).all():
        return None
    return np.unique(np.percentile(numbers, percentiles))


def bands(values: Sequence[str], edges: NDArray[np.float64]) -> list[int | None]:
    """The number of each value's band, from 0; None where the value is unknown."""
    known = iter(np.digitize([float(value) for value in values if value], edges))
    return [int(next(known)) if value else None for value in values]
