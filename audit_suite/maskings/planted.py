"""A planted pattern in a known place, and a model that detects only this pattern (C9)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CELL = 2  # pixels of the pattern's squares: finer than anatomy, coarser than noise
_SIDE = 0.12  # of the longer side


def plant(images: Tensor, distance: Tensor, inside: bool, on_host: Tensor | None = None) -> Tensor:
    """Put a chequered square into each image: deep inside the region, or far outside it.

    No pixel of it crosses the region's edge: hiding the region hides all of a square inside and
    nothing of a square outside. An image without room stays as it is.

    Args:
        images: Shape (B, C, H, W), in [0, 1].
        distance: Signed distances to the region, shape (B, H, W).
        inside: Which side.
        on_host: The distances on the CPU, if they are elsewhere: the place is found there without
            waiting for a device.
    """
    height, width = images.shape[2:]
    side = pattern_side(height, width)
    planted = images.clone()
    board = pattern(side).to(images, non_blocking=True)
    host = distance if on_host is None else on_host
    for row in range(len(images)):
        here = -distance[row] if inside else distance[row]
        deepest = int((-host[row] if inside else host[row]).reshape(-1).argmax())
        top = min(max(deepest // width - side // 2, 0), height - side)
        left = min(max(deepest % width - side // 2, 0), width - side)
        place = (slice(top, top + side), slice(left, left + side))
        planted[row][:, *place] = torch.where(here[place] > 0, board, planted[row][:, *place])
    return planted


def pattern(side: int) -> Tensor:
    """The chequered square, shape (side, side), of 0 and 1."""
    line = torch.arange(side) // CELL
    return ((line[:, None] + line[None, :]) % 2).float()


def pattern_side(height: int, width: int) -> int:
    """Side of the square for an image of that size, in pixels: a whole number of cells, at least 2.

    If the image is narrow, the square is not larger than its shorter side.
    """
    cells = min(round(_SIDE * max(height, width) / CELL), min(height, width) // CELL)
    return max(2, cells) * CELL


class PatternReader(nn.Module):
    """The strongest response anywhere to two by two cells of the chequered square."""

    def __init__(self) -> None:
        super().__init__()
        board = 2 * pattern(2 * CELL) - 1
        self.register_buffer("board", (board / board.numel())[None, None])

    def forward(self, batch: Tensor) -> Tensor:
        """Scores, shape (B, 1), of images of shape (B, C, H, W)."""
        grey = batch.mean(dim=1, keepdim=True)
        board = self.get_buffer("board")
        responses: Tensor = functional.conv2d(grey, board).abs().flatten(1)
        return torch.amax(responses, dim=1, keepdim=True)


def pattern_reader() -> nn.Module:
    """Build the pattern reader; it has no weights to train."""
    return PatternReader()
