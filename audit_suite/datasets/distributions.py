"""How the values of an image are distributed: in all, and around each of its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ordered_percentiles(ordered: NDArray[np.floating[Any]], percents: ArrayLike) -> NDArray[Any]:
    """`np.percentile` of values that are in order, to the last digit, in a tenth of its time.

    Args:
        ordered: Shape (..., n), ascending along the last axis, without NaN.
        percents: Shape (k,) or (), each from 0 to 100.

    Returns:
        Shape (..., k) or (...).
    """
    last = ordered.shape[-1] - 1
    at = last * (np.asarray(percents) / 100)
    before = at.astype(np.intp)
    low, high = ordered[..., before], ordered[..., np.minimum(before + 1, last)]
    share, step = at - before, high - low
    between: NDArray[Any] = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return between


def mean_and_spread(
    grey: NDArray[np.float32], window: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of the pixels in a square window around each pixel.

    Args:
        grey: Shape (H, W).
        window: Pixels along the window's side, at least 2.
    """
    from scipy.ndimage import uniform_filter1d

    both = np.stack([grey, grey * grey])
    for axis in (1, 2):
        both = uniform_filter1d(both, window, axis)
    mean, mean_square = both
    return mean, np.sqrt(np.maximum(mean_square - mean * mean, 0))


def standing_out(grey: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """How much brighter each pixel is than the brightest square around it that fits below it.

    `scipy.ndimage.white_tophat` with a square gives the same, but takes three times as long.

    Args:
        grey: Shape (H, W).
        side: Pixels along a side of the square.

    Returns:
        Shape (H, W), 0 and up: high in what is brighter and smaller than the square.
    """
    offsets = range(-(side // 2), side - side // 2)
    below = grey
    for axis in (0, 1):
        below = _around(np.minimum, below, offsets, axis)
    for axis in (0, 1):
        below = _around(np.maximum, below, [-offset for offset in offsets], axis)
    return grey - below


def _around(
    choose: np.ufunc, values: NDArray[np.float32], offsets: Iterable[int], axis: int
) -> NDArray[np.float32]:
    """What is chosen among the values at some offsets along an axis, as far as there are any."""
    values = values.swapaxes(0, axis)
    chosen = values.copy(order="K")
    for offset in offsets:
        if offset > 0:
            choose(chosen[:-offset], values[offset:], out=chosen[:-offset])
        elif offset < 0:
            choose(chosen[-offset:], values[:offset], out=chosen[-offset:])
    return chosen.swapaxes(0, axis)
