"""The fine structure of a picture: the same after it was stored again, resized or windowed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 48
"""Side of the square on which pictures are compared, in pixels."""

ALIKE = 0.95
"""Correlation from which two pictures count as one. Of 571 chest radiographs and 688 fundus
photographs the most alike that are no copies reach .45 and .88; what was stored as JPEG of quality
60, at half the size or with another gamma has .96 or more."""

_COARSE, _LOCAL = 1.0, 4.5  # standard deviations: what is anatomy, and over what contrast is equal
_LEAST = 1e-3  # contrast below which a place counts as flat


def fine_structure(picture: NDArray[Any]) -> NDArray[np.float32]:
    """A picture's local differences in grey, of equal contrast everywhere and of length 1.

    The product of two is their correlation. It bears another size, compression, window or exposure,
    and no crop, turn or mirror image.

    Args:
        picture: Shape (H, W) or (H, W, 3), of unsigned integers.

    Returns:
        Shape (SIDE * SIDE,); zeros for a flat picture.
    """
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    grey = picture.astype(np.float32) / np.iinfo(picture.dtype).max
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    small = np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX))
    fine = small - gaussian_filter(small, _COARSE)
    fine = fine / (np.sqrt(gaussian_filter(fine * fine, _LOCAL)) + _LEAST)
    line = (fine - fine.mean()).ravel()
    length = float(np.linalg.norm(line))
    return np.asarray(line / length if length > _LEAST else 0 * line, np.float32)
