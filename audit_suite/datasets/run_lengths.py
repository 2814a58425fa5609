"""Run-length masks: of CheXmask, of Kaggle, and of COCO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_FIRST, _LAST = 48, 111  # characters that hold five bits and one for "more follow"
_LONGEST = 13  # characters of a number that fits 63 bits


def decode_runs(runs: str, height: int, width: int) -> Mask:
    """Decode a run-length mask.

    Args:
        runs: Pairs of start (from 1, row by row) and length, separated by spaces.
        height: Rows.
        width: Columns.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: If the runs are not such pairs, leave the image, or overlap.
    """
    try:
        numbers = np.array(runs.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ValueError("has runs that are not whole numbers") from None
    if len(numbers) % 2:
        raise ValueError("has a run without a length: the text is cut off")
    size = height * width
    if len(numbers) and (numbers.min() < 1 or numbers.max() > size):  # before sums can overflow
        raise ValueError(f"has runs outside an image of {width} x {height} pixels")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    ends = starts + lengths
    if len(numbers) and ends.max() > size:
        raise ValueError(f"has runs outside an image of {width} x {height} pixels")
    if (starts[1:] < ends[:-1]).any():
        raise ValueError("has runs that overlap")
    steps = np.zeros(size + 1, np.int8)
    steps[starts] += 1
    np.subtract.at(steps, ends, 1)
    mask: Mask = np.cumsum(steps[:-1], dtype=np.int8).reshape(height, width) > 0
    return mask


def decode_counts(counts: str | Sequence[int], height: int, width: int) -> Mask:
    """Decode COCO's run lengths: of background and region in turn, column by column.

    Args:
        counts: The lengths, or COCO's text of them.
        height: Rows.
        width: Columns.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: If the text is not one of counts, or they do not add up to the size.
    """
    lengths = _lengths(counts) if isinstance(counts, str) else list(counts)
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in lengths):
        raise ValueError("has counts that are not whole numbers from 0 on")
    if sum(lengths) != height * width:
        raise ValueError(
            f"has counts of {sum(lengths)} pixels, but the image has {height * width} "
            f"({width} x {height})"
        )
    region = np.arange(len(lengths)) % 2 > 0
    mask: Mask = np.repeat(region, lengths).reshape(width, height).T
    return mask


def _lengths(text: str) -> list[int]:
    """The numbers of COCO's text.

    A character holds five bits, low ones first; from the fourth number on, they are differences to
    the last but one.
    """
    lengths: list[int] = []
    value = place = 0
    for character in text:
        code = ord(character)
        if not _FIRST <= code <= _LAST or place >= _LONGEST:
            raise ValueError("has counts that are not COCO's text of run lengths")
        bits = code - _FIRST
        value |= (bits & 0x1F) << 5 * place
        place += 1
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << 5 * place
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = place = 0
    if place:
        raise ValueError("has counts that are cut off")
    return lengths
