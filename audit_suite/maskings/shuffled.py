"""Shuffle an image so that no anatomy is left, and describe what is left.

What still predicts the label then is how the image was made: exposure, noise, contrast, framing,
or a finding so large or bright that no arrangement hides it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from audit_suite.maskings.draws import drawn

GRID = 8
"""Patches along each side of an image."""

_LEVELS = 16  # steps of the quantiles that describe a distribution


def shuffled(images: Tensor, seeds: Sequence[int], patches: bool) -> Tensor:
    """Put the pixels, or the patches, of each image into an order of its own.

    Rows and columns that do not fill a patch, at the lower and right edge, stay where they are.

    Args:
        images: Shape (B, C, H, W).
        seeds: One per image; it alone decides the order.
        patches: Whether the squares of `GRID` by `GRID` patches move as a whole.
    """
    high, wide = _sides(images) if patches else (1, 1)
    rows, columns = images.shape[2] // high, images.shape[3] // wide
    moved = images.clone()
    inner = images[:, :, : rows * high, : columns * wide]
    batch, channels = images.shape[:2]
    parts = inner.reshape(batch, channels, rows, high, columns, wide)
    parts = parts.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, P, C, high, wide)
    order = drawn(_permuted, seeds, (rows * columns,), torch.int64, images)
    put = parts[torch.arange(batch, device=images.device)[:, None], order]
    put = put.view(batch, rows, columns, channels, high, wide).permute(0, 3, 1, 4, 2, 5)
    moved[:, :, : rows * high, : columns * wide] = put.reshape(inner.shape)
    return moved


def _permuted(order: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randperm(len(order), generator=generator, out=order)


def appearance(images: Tensor, patches: bool) -> Tensor:
    """What does not depend on the order: quantiles of intensities and, of patches, of statistics.

    Args:
        images: Shape (B, C, H, W), at least 2 by 2 pixels.
        patches: Whether whole patches were shuffled: then the quantiles, over patches, of their
            mean, of their standard deviation and of the differences between neighbouring pixels
            are known as well.

    Returns:
        Shape (B, k), float32.
    """
    images = images.float()
    described = [images]
    if patches:
        high, wide = _sides(images)
        mean, spread = _of_patches(images, high, wide)
        steps = (images[:, :, 1:, 1:] - images[:, :, :-1, :-1]).abs()
        within = avg_pool2d(steps, (high - 1, wide - 1), (high, wide))  # not across patches
        described += [mean, spread, within]
    levels = torch.linspace(0, 1, _LEVELS + 1, device=images.device)
    return torch.cat([_quantiles(each.flatten(2), levels) for each in described], dim=1)


def _of_patches(images: Tensor, high: int, wide: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each patch, shape (B, C, rows, columns).

    In double precision from deviations: in single precision the difference of two large sums has
    other last digits from run to run, and a square root makes them visible.
    """
    batch, channels, height, width = images.shape
    rows, columns = height // high, width // wide
    whole = images[:, :, : rows * high, : columns * wide].double()
    patches = whole.reshape(batch, channels, rows, high, columns, wide)
    mean = patches.mean(dim=(3, 5), keepdim=True)
    spread = (patches - mean).square().mean(dim=(3, 5)).sqrt()
    return mean[:, :, :, 0, :, 0].float(), spread.float()


def _sides(images: Tensor) -> tuple[int, int]:
    """Height and width of a patch, at least 2 pixels each."""
    return max(2, images.shape[2] // GRID), max(2, images.shape[3] // GRID)


def _quantiles(values: Tensor, levels: Tensor) -> Tensor:
    """Of values of shape (B, C, n), by sorting: `torch.quantile` refuses large images."""
    ordered = _sorted(values)
    at = (levels * (values.shape[2] - 1)).round().long()
    return ordered[:, :, at].flatten(1)


def _sorted(values: Tensor) -> Tensor:
    """In ascending order along the last dimension."""
    if values.device.type == "cpu":  # NumPy takes a tenth of the time
        return torch.from_numpy(np.sort(values.numpy()))
    return values.sort().values
