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


def unfit_mask(
    mask: NDArray[np.bool_], shape: tuple[int, int], spec: InputSpec
) -> NDArray[np.bool_]:
    """Bring a mask at the model's input size back to the image: the inverse of `fit_geometry`.

    Each pixel of the image takes the value of the input's pixel in which its centre lies. What was
    cropped away is not part of the mask.

    Args:
        mask: Shape (h, w), as ``spec.size``.
        shape: Height and width of the image.
        spec: The card's input section.

    Returns:
        Shape (H, W).

    Raises:
        AuditError: If the card's way of resizing has no known inverse.
    """
    if spec.resize not in ("pad", "stretch", "crop"):
        raise AuditError(
            f"masks cannot be brought back from a model's input with resize = '{spec.resize}'",
            "use a segmentation model whose card says pad, stretch or crop",
        )
    fitted = _fitted_size(shape, spec)
    lines = []
    for length, scaled, target in zip(shape, fitted, spec.size, strict=True):
        before = (target - scaled) // 2 if scaled <= target else -round((scaled - target) / 2)
        place = (2 * np.arange(length) + 1) * scaled // (2 * length) + before
        lines.append((place.clip(0, target - 1), (place >= 0) & (place < target)))
    (rows, row_there), (columns, column_there) = lines
    taken: NDArray[np.bool_] = mask[np.ix_(rows, columns)]
    return taken & row_there[:, None] & column_there[None, :]


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
    if (height, width) == spec.size:
        return image
    size = list(_fitted_size((height, width), spec))
    resized = transforms.resize(image, size, interpolation=mode, antialias=True)
    fitted: Tensor = transforms.center_crop(resized, list(spec.size))  # pads smaller images with 0
    return fitted


def _fitted_size(shape: tuple[int, int], spec: InputSpec) -> tuple[int, int]:
    """Height and width to which an image is resized before it is padded or cropped."""
    if spec.resize == "stretch":
        return spec.size
    ratios = [target / length for target, length in zip(spec.size, shape, strict=True)]
    ratio = min(ratios) if spec.resize == "pad" else max(ratios)
    return max(1, round(shape[0] * ratio)), max(1, round(shape[1] * ratio))
