"""Move each image so that its region lies at the data set's mean centroid (C11)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def centre(images: Tensor, shifts: Sequence[tuple[int, int]]) -> Tensor:
    """Move each image as a whole; pixels from beyond the frame are black.

    Args:
        images: Shape (B, C, H, W).
        shifts: Rows down and columns to the right, one pair per image.
    """
    moved = torch.zeros_like(images)
    height, width = images.shape[2:]
    for row, (down, right) in enumerate(shifts):
        to_rows, to_columns = _overlap(down, height), _overlap(right, width)
        from_rows, from_columns = _overlap(-down, height), _overlap(-right, width)
        moved[row, :, to_rows, to_columns] = images[row, :, from_rows, from_columns]
    return moved


def _overlap(shift: int, length: int) -> slice:
    """The part of an axis on which an image moved by ``shift`` still lies in the frame."""
    return slice(max(shift, 0), max(min(length + shift, length), 0))
