"""Bring an image, or a mask on it, to the size of a model's input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from audit_suite.cards import InputSpec
from audit_suite.errors import AuditError


def resize(image: Tensor, spec: InputSpec) -> Tensor:
    """Resize an image, then crop or pad it to the input's size; padding is 0.

    Pixels are squares and their centres lie at half numbers, as in PIL, OpenCV and TensorFlow 2.

    Args:
        image: Shape (C, H, W), floating.
        spec: The card's input section.

    Returns:
        Shape (C, h, w). Bicubic interpolation may leave the range of the image.
    """
    size = _size(image.shape[-2:], spec)
    if spec.interpolation == "nearest-floor":
        resized = _at_corners(image, size)
    elif spec.interpolation == "area":
        resized = _shares(image.shape[1], size[0]) @ image @ _shares(image.shape[2], size[1]).T
    else:
        resized = _interpolated(image, size, spec.interpolation, spec.antialias)
    return _placed(resized, spec)


def resize_mask(mask: Tensor, spec: InputSpec) -> Tensor:
    """The pixels of a mask that belong to those of the resized image: the nearest ones.

    Args:
        mask: Shape (1, H, W), 0 or 1.
        spec: The card's input section.
    """
    size = _size(mask.shape[-2:], spec)
    if spec.interpolation == "nearest-floor":
        return _placed(_at_corners(mask, size), spec)
    return _placed(_interpolated(mask, size, "nearest"), spec)


def unfit_mask(
    mask: NDArray[np.bool_], shape: tuple[int, int], spec: InputSpec
) -> NDArray[np.bool_]:
    """Bring a mask at the model's input size back to the image: the inverse of `resize_mask`.

    Each pixel of the image takes the value of the input's pixel in which its centre lies. What was
    cropped away is not part of the mask.

    Args:
        mask: Shape (h, w), as ``spec.size``.
        shape: Height and width of the image.
        spec: The card's input section.

    Returns:
        Shape (H, W).

    Raises:
        AuditError: If the card's own function brings images to their size.
    """
    if spec.function is not None:
        raise AuditError(
            f"masks cannot be brought back from what the key 'input.function': {spec.function} "
            "makes of an image",
            "use a segmentation model whose card describes its input by the other keys",
        )
    lines = []
    for length, scaled, target in zip(shape, _size(shape, spec), spec.size, strict=True):
        before = (target - scaled) // 2 if scaled <= target else -round((scaled - target) / 2)
        if spec.pad_at == "end":
            before = 0
        place = (2 * np.arange(length) + 1) * scaled // (2 * length) + before
        lines.append((place.clip(0, target - 1), (place >= 0) & (place < target)))
    (rows, row_there), (columns, column_there) = lines
    taken: NDArray[np.bool_] = mask[np.ix_(rows, columns)]
    return taken & row_there[:, None] & column_there[None, :]


def _size(shape: Sequence[int], spec: InputSpec) -> tuple[int, int]:
    """Height and width after resizing, before anything is cut off or added."""
    height, width = shape
    if spec.resize == "stretch":
        return spec.size
    if spec.resize_to is not None:  # cut to whole pixels as torchvision's Resize does
        short = min(height, width)
        return spec.resize_to * height // short, spec.resize_to * width // short
    ratios = spec.size[0] / height, spec.size[1] / width
    ratio = min(ratios) if spec.resize == "pad" else max(ratios)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def _placed(image: Tensor, spec: InputSpec) -> Tensor:
    """Pad with 0, or crop, to the input's size; on both sides as torchvision's CenterCrop does."""
    height, width = image.shape[-2:]
    if (height, width) == spec.size:
        return image
    down, right = spec.size[0] - height, spec.size[1] - width
    if spec.pad_at == "end":
        return functional.pad(image, (0, right, 0, down))
    top, left = max(0, down) // 2, max(0, right) // 2
    padded = functional.pad(image, (left, max(0, right) - left, top, max(0, down) - top))
    above, before = round(max(0, -down) / 2), round(max(0, -right) / 2)
    return padded[:, above : above + spec.size[0], before : before + spec.size[1]]


def _interpolated(
    image: Tensor, size: tuple[int, int], mode: str, antialias: bool = False
) -> Tensor:
    """Resize as torchvision does, without importing it: that takes longer than all of torch."""
    if image.shape[-2:] == size:
        return image
    if mode == "nearest":
        return functional.interpolate(image[None], size, mode="nearest-exact")[0]
    resized: Tensor = functional.interpolate(
        image[None], size, mode=mode, align_corners=False, antialias=antialias
    )[0]
    return resized


def _at_corners(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The pixel at the upper left corner of each wanted one: OpenCV's INTER_NEAREST.

    PyTorch's own rounds with 32 bits, and is a pixel off here and there.
    """
    rows, columns = (
        torch.tensor([min(int(i * (1 / (wanted / given))), given - 1) for i in range(wanted)])
        for given, wanted in zip(image.shape[1:], size, strict=True)
    )
    return image[:, rows][:, :, columns]


def _shares(given: int, wanted: int) -> Tensor:
    """How much of each wanted line a given one covers, (wanted, given): OpenCV's INTER_AREA."""
    edges = torch.arange(wanted + 1, dtype=torch.float64) * given / wanted
    lines = torch.arange(given, dtype=torch.float64)
    ends = torch.minimum(edges[1:, None], lines + 1)
    covered = (ends - torch.maximum(edges[:-1, None], lines)).clamp(min=0)
    return (covered * wanted / given).float()
