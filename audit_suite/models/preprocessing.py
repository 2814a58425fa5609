"""The preprocessing a model card declares: geometry before masking, intensities after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from audit_suite.cards import InputSpec
from audit_suite.errors import AuditError

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def fit_geometry(
    image: NDArray[Any], regions: Mapping[str, NDArray[np.bool_]], spec: InputSpec
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]:
    """Bring an image and its regions to the model's input size and channels.

    Intensities are divided by the maximum of the image's type, or by the image's own maximum if
    the card says so (as Sourget et al. 2024 do). Images are resized bilinearly with antialiasing,
    regions by the nearest pixel.

    Args:
        image: Shape (H, W) or (H, W, 3); uint8, uint16, or float in [0, 1].
        regions: Masks by name, each of shape (H, W).
        spec: The card's input section.

    Returns:
        The image, shape (C, h, w), float32 in [0, 1], and the masks, each of shape (h, w).

    Raises:
        AuditError: If the image's type is not supported or a float image exceeds [0, 1].
    """
    pixels = torch.from_numpy(_scale(image, spec))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    if pixels.shape[0] == 3 and spec.channels == 1:
        pixels = (pixels * torch.tensor(_LUMA)[:, None, None]).sum(0, keepdim=True)
    fitted = _resize(pixels, spec, InterpolationMode.BILINEAR).clamp(0, 1)
    if fitted.shape[0] == 1 and spec.channels == 3:
        fitted = fitted.expand(3, -1, -1)
    masks = {
        name: _resize(
            torch.from_numpy(mask.astype(np.uint8))[None], spec, InterpolationMode.NEAREST_EXACT
        )[0]
        .numpy()
        .astype(np.bool_)
        for name, mask in regions.items()
    }
    return fitted.contiguous().numpy(), masks


def normalise(batch: Tensor, spec: InputSpec) -> Tensor:
    """Subtract the card's mean and divide by its standard deviation, by channel.

    Args:
        batch: Shape (B, C, h, w), in [0, 1].
        spec: The card's input section.

    Returns:
        The model's input, in the same shape.
    """
    mean = torch.tensor(spec.mean, dtype=batch.dtype, device=batch.device)[None, :, None, None]
    std = torch.tensor(spec.std, dtype=batch.dtype, device=batch.device)[None, :, None, None]
    return (batch - mean) / std


def _scale(image: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    if np.issubdtype(image.dtype, np.unsignedinteger):
        top = float(np.iinfo(image.dtype).max)
    elif np.issubdtype(image.dtype, np.floating) and image.min() >= 0 and image.max() <= 1:
        top = 1.0
    else:
        raise AuditError(
            f"an image of type {image.dtype} with values from {image.min()} to {image.max()} "
            f"cannot be scaled",
            "give 8 or 16 bit integers, or floats in [0, 1]",
        )
    if spec.scale == "image_max":
        top = float(image.max()) or 1.0
    scaled: NDArray[np.float32] = image.astype(np.float32) / np.float32(top)
    return scaled


def _resize(image: Tensor, spec: InputSpec, mode: InterpolationMode) -> Tensor:
    height, width = image.shape[-2:]
    target_height, target_width = spec.size
    if (height, width) == spec.size:
        return image
    ratios = target_height / height, target_width / width
    if spec.resize == "stretch":
        size = spec.size
    else:
        ratio = min(ratios) if spec.resize == "pad" else max(ratios)
        size = max(1, round(height * ratio)), max(1, round(width * ratio))
    resized = transforms.resize(image, list(size), interpolation=mode, antialias=True)
    fitted: Tensor = transforms.center_crop(resized, list(spec.size))  # pads smaller images with 0
    return fitted
