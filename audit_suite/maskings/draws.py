"""Numbers drawn for each image by its own seed: on the CPU, so that every device gets the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

_THREADS = 8  # that draw for a CUDA device, which else would wait for one

Draw = Callable[[Tensor, torch.Generator], object]
"""Fills a tensor of one image with numbers of a generator."""


def drawn(
    draw: Draw, seeds: Sequence[int], shape: Sequence[int], kind: torch.dtype, like: Tensor
) -> Tensor:
    """Draw numbers for each image.

    Args:
        draw: Fills the tensor of an image; may be called from threads.
        seeds: One per image; it alone decides the image's numbers.
        shape: Of one image's numbers.
        kind: Their type.
        like: On its device they are returned, which is not waited for.

    Returns:
        Shape (B, *shape).
    """
    numbers = torch.empty((len(seeds), *shape), dtype=kind, pin_memory=like.is_cuda)

    def fill(row: int) -> None:
        draw(numbers[row], torch.Generator().manual_seed(seeds[row]))

    if like.is_cuda:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(fill, range(len(seeds))))
    else:
        for row in range(len(seeds)):
            fill(row)
    return numbers.to(like.device, non_blocking=True)
