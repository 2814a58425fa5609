"""Hidden pixels become a smooth continuation of the visible ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Inpaint(Fill):
    """The surroundings of the hidden area, continued to its centre, unlike ``blur``."""

    name = "inpaint"

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The continuation (`inpaint`)."""
        return inpaint(visible, hidden, around.mean)


def inpaint(images: Tensor, hidden: Tensor, mean: Tensor) -> Tensor:
    """Continue the visible pixels smoothly into the hidden ones, without reading these.

    Pull-push on an image pyramid (Gortler, Grzeszczuk, Szeliski and Cohen, SIGGRAPH 1996): visible
    pixels are averaged level by level until nothing is missing; hidden ones are filled on the way
    back.

    Args:
        images: Shape (B, C, H, W).
        hidden: Shape (B, 1, H, W), bool.
        mean: Shape (C,), the data set's mean, for an image without any visible pixel.

    Returns:
        Like ``images``; visible pixels as they were.
    """
    import torch
    from torch.nn import functional

    weight = (~hidden).to(images.dtype)
    levels = [(torch.where(hidden, 0, images), weight)]
    while max(levels[-1][0].shape[2:]) > 1:
        values, weight = levels[-1]
        total = functional.avg_pool2d(values * weight, 2, ceil_mode=True, count_include_pad=False)
        share = functional.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False)
        levels.append((total / share.clamp(min=1e-12), (share > 0).to(images.dtype)))
    values, weight = levels.pop()
    filled = torch.where(weight > 0, values, mean.to(images)[None, :, None, None])
    # Not by functional.interpolate: on CUDA that takes many steps where it must be repeatable.
    enlarge = torch.ops.aten.upsample_bilinear2d.default
    while levels:
        values, weight = levels.pop()
        coarse = enlarge(filled, list(values.shape[2:]), False)
        filled = torch.where(weight > 0, values, coarse)
    return filled


register_fill(Inpaint())
