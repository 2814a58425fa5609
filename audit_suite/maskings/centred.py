"""Move each image so that its region comes to lie where it lies on average (C11)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def centre(images: Tensor, shifts: Sequence[tuple[int, int]]) -> Tensor:
    """Move each image as a whole; what comes in from beyond the frame is black.

    Args:
        images: Shape (B, C, H, W).
        shifts: Rows down and columns to the right, one pair an image.
    """
    moved = torch.zeros_like(images)
    height, width = images.shape[2:]
    for row, (down, right) in enumerate(shifts):
        to_rows, to_columns = _overlap(down, height), _overlap(right, width)
        from_rows, from_columns = _overlap(-down, height), _overlap(-right, width)
        moved[row, :, to_rows, to_columns] = images[row, :, from_rows, from_columns]
    return moved


def _overlap(shift: int, length: int) -> slice:
    """Where, along an axis, an image moved by ``shift`` still lies in the frame."""
    return slice(max(shift, 0), max(min(length + shift, length), 0))
