"""Carry a masking out on a batch, on whatever device the images are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from audit_suite.maskings.masking import Masking

_BLUR_SHARE = 0.06  # standard deviation of the blur, share of the longer side
_RING_SHARE = 0.08  # width of the ring whose noise is imitated, share of the longer side


@dataclass(frozen=True)
class Reference:
    """What a fill may know of the data set.

    Attributes:
        mean: Mean intensity by channel, shape (C,), in the images' range [0, 1].
    """

    mean: Tensor


def hidden_pixels(masking: Masking, distance: Tensor) -> Tensor:
    """Which pixels a masking hides.

    Args:
        masking: What to show.
        distance: Signed city-block distances to the region (`regions.signed_distance`), shape
            (B, H, W).

    Returns:
        Shape (B, H, W), bool. The box of an empty region is empty.
    """
    if masking.keep == "all":
        return torch.zeros(distance.shape, dtype=torch.bool, device=distance.device)
    k = masking.dilation
    region = distance <= k if k >= 0 else distance < k
    if masking.shape == "box":
        region = _box(region)
    return region if masking.keep == "outside" else ~region


def apply_masking(
    masking: Masking,
    images: Tensor,
    distance: Tensor,
    reference: Reference,
    seeds: Sequence[int],
    backgrounds: Tensor | None = None,
) -> Tensor:
    """Replace the hidden pixels of a batch; the visible ones stay as they are, bit by bit.

    No fill reads a hidden pixel: a blur of the whole image, for example, would carry a blurred
    finding into the image that is supposed to lack it. And each image is filled on its own.

    Args:
        masking: What to show.
        images: Shape (B, C, H, W), floating, in [0, 1].
        distance: Signed distances of the masking's region, shape (B, H, W).
        reference: The data set's mean.
        seeds: One seed an image, for noise.
        backgrounds: Like ``images``: what the fill "swap" puts in place.

    Returns:
        Same shape, dtype and device as ``images``.
    """
    hidden = hidden_pixels(masking, distance)[:, None]
    if masking.fill == "black":
        return images.masked_fill(hidden, 0)
    mean = reference.mean.to(images)[None, :, None, None]
    if masking.fill == "mean":
        filling = mean.expand_as(images)
    elif masking.fill == "blur":
        filling = _blur(images, ~hidden, mean)
    elif masking.fill == "inpaint":
        filling = inpaint(images, hidden, reference)
    elif masking.fill == "swap":
        assert backgrounds is not None, "whoever asks for a swap brings what is put in place"
        filling = backgrounds
    else:
        filling = _noise(images, hidden, mean, seeds)
    return torch.where(hidden, filling, images)


def _box(region: Tensor) -> Tensor:
    rows, columns = region.any(dim=2), region.any(dim=1)
    return _span(rows)[:, :, None] & _span(columns)[:, None, :]


def _span(line: Tensor) -> Tensor:
    """Fill each line of flags (B, N) from its first to its last set flag."""
    count = line.int()
    return (count.cumsum(1) > 0) & (count.flip(1).cumsum(1).flip(1) > 0)


def _blur(images: Tensor, visible: Tensor, mean: Tensor) -> Tensor:
    """Gaussian blur of the visible pixels alone (normalised convolution, Knutsson 1993).

    Deep inside a large hidden area, where hardly a visible pixel is near, it goes over into the
    data set's mean: the mean of this image's own visible pixels would carry what lies outside the
    region into it.
    """
    sigma = _BLUR_SHARE * max(images.shape[2:])
    known = _smooth(torch.where(visible, images, 0), sigma)
    density = _smooth(visible.to(images.dtype), sigma)
    trust = density / (density + 0.01)
    return trust * known / density.clamp(min=1e-12) + (1 - trust) * mean


def inpaint(images: Tensor, hidden: Tensor, reference: Reference) -> Tensor:
    """A smooth continuation of the visible pixels into the hidden ones.

    Pull-push on an image pyramid (Gortler, Grzeszczuk, Szeliski and Cohen, SIGGRAPH 1996): visible
    pixels are averaged level by level until nothing is missing, and holes filled on the way back.
    Unlike "blur" it carries what lies around a large hole to its very centre.

    Args:
        images: Shape (B, C, H, W).
        hidden: Shape (B, 1, H, W), bool.
        reference: The data set's mean, for an image none of which is visible.
    """
    weight = (~hidden).to(images.dtype)
    levels = [(torch.where(hidden, 0, images), weight)]
    while max(levels[-1][0].shape[2:]) > 1:
        values, weight = levels[-1]
        total = functional.avg_pool2d(values * weight, 2, ceil_mode=True, count_include_pad=False)
        share = functional.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False)
        levels.append((total / share.clamp(min=1e-12), (share > 0).to(images.dtype)))
    values, weight = levels.pop()
    found = torch.where(weight > 0, values, reference.mean.to(images)[None, :, None, None])
    while levels:
        values, weight = levels.pop()
        coarse = functional.interpolate(
            found, values.shape[2:], mode="bilinear", align_corners=False
        )
        found = torch.where(weight > 0, values, coarse)
    return found


def _smooth(images: Tensor, sigma: float) -> Tensor:
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    batch, channels, height, width = images.shape
    flat = images.reshape(batch * channels, 1, height, width)
    flat = functional.conv2d(flat, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    flat = functional.conv2d(flat, kernel.view(1, 1, 1, -1), padding=(0, radius))
    return flat.view(batch, channels, height, width)


def _noise(images: Tensor, hidden: Tensor, mean: Tensor, seeds: Sequence[int]) -> Tensor:
    """Gaussian noise with the mean and spread of the visible ring around the hidden area."""
    width = max(1, round(_RING_SHARE * max(images.shape[2:])))
    near = functional.max_pool2d(hidden.to(images.dtype), 2 * width + 1, 1, width) > 0
    ring = near & ~hidden
    count = ring.sum(dim=(2, 3), keepdim=True)
    total = torch.where(ring, images, 0).sum(dim=(2, 3), keepdim=True)
    centre = torch.where(count > 0, total / count.clamp(min=1), mean)
    spread = (
        torch.where(ring, (images - centre) ** 2, 0).sum(dim=(2, 3), keepdim=True)
        / count.clamp(min=1)
    ).sqrt()
    noise = torch.stack(
        [
            torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
    )
    return (centre + spread * noise.to(images)).clamp(0, 1)
