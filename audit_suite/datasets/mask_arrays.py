"""Masks in arrays: one plane, whose region is all but 0 or the pixels of some values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_SHOWN = 4  # values named in a message


def plane(array: NDArray[Any]) -> NDArray[Any]:
    """The one plane of an array, without its axes of length one.

    Raises:
        ValueError: If it has several planes or too few axes.
    """
    flat = array.squeeze() if array.ndim > 2 else array
    if flat.ndim != 2:
        sides = " x ".join(map(str, array.shape)) or "no axes"
        raise ValueError(
            f"is an array of {sides} instead of one plane: save the slice that is meant"
        )
    return flat


def region_of(array: NDArray[Any], values: Collection[int]) -> Mask:
    """The region of a plane.

    Args:
        array: Shape (H, W); whole numbers, of any type, or truth values.
        values: The values of the region; none where the plane is 0 and one other value.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it holds other numbers, or several values and none are named.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError("does not hold numbers")
    distinct = np.unique(array)
    if not np.isfinite(distinct.astype(np.float64)).all() or (distinct != np.round(distinct)).any():
        raise ValueError("holds numbers that are not whole: save it as a mask of whole numbers")
    if values:
        chosen: Mask = np.isin(array, list(values))
        return chosen
    if len(distinct) > 2 or distinct.min() < 0 or (len(distinct) == 2 and distinct[0] != 0):
        shown = ", ".join(f"{value:g}" for value in distinct[:_SHOWN].astype(np.float64))
        shown += " ..." if len(distinct) > _SHOWN else ""
        raise ValueError(
            f"holds {len(distinct)} values ({shown}) instead of 0 and one other: name those of the "
            f"region with value"
        )
    region: Mask = array != 0
    return region
