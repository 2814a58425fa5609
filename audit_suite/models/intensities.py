"""From the values of a file to intensities in [0, 1], as a model's card says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import Clahe, InputSpec
from audit_suite.errors import AuditError


def scaled(image: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Scale a decoded image to [0, 1]: by its type's range, a fixed range, or its own.

    Args:
        image: Shape (H, W) or (H, W, 3), numbers.
        spec: The card's input section.

    Returns:
        The same shape. What lies outside the range that is measured is cut off.

    Raises:
        AuditError: If the image's type has no range of its own, and the card gives none.
    """
    if spec.scale == "unit" or spec.scale_on == "input":
        limits = spec.stored_range or _type_range(image)
    else:
        limits = own_range(image, spec)
    unit = between(image, limits)
    return unit if spec.clahe is None else _equalised(unit, spec.clahe)


def own_range(image: NDArray[Any], spec: InputSpec) -> tuple[float, float]:
    """The values of one image that become 0 and 1.

    Args:
        image: The full image, of any shape: what a masking hides later counts as well.
        spec: The card's input section; its ``scale`` is measured on each image.
    """
    if spec.scale == "image_max":
        return 0.0, float(image.max()) or 1.0
    if spec.scale == "min_max":
        return float(image.min()), float(image.max())
    if spec.percentiles is not None:
        low, high = np.percentile(image, spec.percentiles)
        return float(low), float(high)
    mean, deviation = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
    low, high = (mean + z * (deviation or 1.0) for z in spec.range)
    return low, high


def between(values: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.float32]:
    """Values in [0, 1] between two limits; 0 everywhere if the limits are equal."""
    low, high = np.float32(limits[0]), np.float32(limits[1])
    unit = values.astype(np.float32)  # a copy, changed in place: files are large
    if low != 0:
        unit -= low
    unit /= high - low if high > low else np.float32(1)
    return unit.clip(0, 1, out=unit)


def _type_range(image: NDArray[Any]) -> tuple[float, float]:
    if np.issubdtype(image.dtype, np.unsignedinteger):
        return 0.0, float(np.iinfo(image.dtype).max)
    if np.issubdtype(image.dtype, np.floating) and image.min() >= 0 and image.max() <= 1:
        return 0.0, 1.0
    raise AuditError(
        f"an image of type {image.dtype} with values from {image.min()} to {image.max()} "
        f"cannot be scaled",
        "give 8 or 16 bit integers, or floats in [0, 1], or the key 'input.stored_range'",
    )


def _equalised(unit: NDArray[np.float32], clahe: Clahe) -> NDArray[np.float32]:
    try:
        from skimage.exposure import equalize_adapthist
    except ImportError:
        raise AuditError(
            "the key 'input.clahe' needs scikit-image", 'pip install "audit-suite[clahe]"'
        ) from None
    if unit.min() == unit.max():
        return unit  # there is no contrast to equalise
    tile = [max(1, side // clahe.tiles) for side in unit.shape[:2]]
    equal: NDArray[np.float32] = equalize_adapthist(
        unit, kernel_size=tile, clip_limit=clahe.clip_limit, nbins=clahe.bins
    ).astype(np.float32)
    return equal
