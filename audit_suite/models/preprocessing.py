"""The preprocessing a model card declares: up to [0, 1] before masking, the rest after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.cards import InputSpec
from audit_suite.models.intensities import between, own_range, scaled
from audit_suite.models.own_input import own_image, own_mask
from audit_suite.models.resizing import resize, resize_mask

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def fit_geometry(
    image: NDArray[Any],
    regions: Mapping[str, NDArray[np.bool_]],
    spec: InputSpec,
    file: Path | None = None,
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]:
    """Bring an image and its regions to the model's input size and channels.

    What is measured on an image to scale it is measured here, on all of it, before anything is
    masked: hidden pixels do not change how the others look.

    Args:
        image: Shape (H, W) or (H, W, 3); uint8, uint16, or float in [0, 1].
        regions: Masks by name, each of shape (H, W).
        spec: The card's input section.
        file: The image's file, which a card's own function reads in place of ``image``.

    Returns:
        The image, shape (C, h, w), float32 in [0, 1], and the masks, each of shape (h, w).

    Raises:
        AuditError: If the image's type is not supported, a float image exceeds [0, 1], or the
            card's own function fails.
    """
    fitted = _fitted(image, spec) if spec.function is None else own_image(spec, file)
    return fitted, {name: fit_mask(mask, spec) for name, mask in regions.items()}


def fit_mask(mask: NDArray[np.bool_], spec: InputSpec) -> NDArray[np.bool_]:
    """Bring a mask, shape (H, W), to the size of the model's input, as its image is brought.

    Raises:
        AuditError: If the card's own function for masks fails.
    """
    if spec.masks is not None:
        return own_mask(spec, mask)
    pixels = torch.from_numpy(mask.astype(np.uint8))[None]
    return resize_mask(pixels, spec)[0].numpy().astype(np.bool_)


def _fitted(image: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    pixels = torch.from_numpy(scaled(image, spec))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    if pixels.shape[0] == 3 and spec.channels == 1:
        pixels = (pixels * torch.tensor(_LUMA)[:, None, None]).sum(0, keepdim=True)
    fitted = resize(pixels, spec).clamp(0, 1)
    if spec.scale_on == "input":
        shown = fitted.numpy()
        fitted = torch.from_numpy(between(shown, own_range(shown, spec)))
    if fitted.shape[0] == 1 and spec.channels == 3:
        fitted = fitted.expand(3, -1, -1)
    return fitted.contiguous().numpy()


def normalise(batch: Tensor, spec: InputSpec) -> Tensor:
    """Bring intensities to the model's order of channels, range, mean and standard deviation.

    Args:
        batch: Shape (B, C, h, w), in [0, 1].
        spec: The card's input section.

    Returns:
        The model's input, in the same shape.
    """
    if spec.order == "bgr":
        batch = batch.flip(1)
    low, high = spec.range
    if spec.range != (0, 1):
        batch = batch * (high - low) + low
    mean, std = (_by_channel(values, batch) for values in (spec.mean, spec.std))
    return (batch - mean) / std


def _by_channel(values: Sequence[float], batch: Tensor) -> Tensor:
    """Values of each channel where the batch is; the device is not waited for."""
    here = torch.tensor(values, dtype=batch.dtype)[None, :, None, None]
    return here.to(batch.device, non_blocking=True)


def model_input(
    image: NDArray[Any], spec: InputSpec, file: Path | None = None
) -> NDArray[np.float32]:
    """A decoded image as it enters the model, shape (C, h, w); see `fit_geometry`."""
    fitted, _ = fit_geometry(image, {}, spec, file)
    entering: NDArray[np.float32] = normalise(torch.from_numpy(fitted)[None], spec)[0].numpy()
    return entering
