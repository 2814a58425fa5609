"""Hidden pixels become a blur of the visible ones around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Tensor

_SHARE = 0.06  # standard deviation of the blur, share of the longer side


@dataclass(frozen=True)
class Blur(Fill):
    """Gaussian blur of the visible pixels alone (normalised convolution, Knutsson 1993).

    Deep inside a large hidden area, far from visible pixels, it approaches the data set's mean. The
    mean of this image's own visible pixels would carry information from outside into the region.
    """

    name = "blur"

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The blurred visible pixels, weighted against the mean by how many of them are near."""
        sigma = _SHARE * max(visible.shape[2:])
        known = _smooth(visible, sigma)
        density = _smooth((~hidden).to(visible.dtype), sigma)
        near = density / (density + 0.01)
        mean = around.mean.to(visible)[None, :, None, None]
        return near * known / density.clamp(min=1e-12) + (1 - near) * mean


def _smooth(images: Tensor, sigma: float) -> Tensor:
    """Weighted sums over rows, then columns; a convolution of few channels takes ten times that."""
    height, width = images.shape[2:]
    return _weights(height, sigma, images) @ images @ _weights(width, sigma, images)


def _weights(length: int, sigma: float, like: Tensor) -> Tensor:
    """Weight of each pixel of a line for each other, shape (length, length), symmetric."""
    import torch

    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    line = torch.arange(length, device=like.device)
    apart = line[:, None] - line
    near = apart.abs() <= radius
    return torch.where(near, kernel[(apart + radius).clamp(0, 2 * radius)], 0)


register_fill(Blur())
