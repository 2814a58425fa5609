"""An image file reduced for measuring, and where nothing of its region can show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit_suite.regions import Region

_SAMPLED = 256  # pixels of the longer side on which textures are measured
_AROUND = 0.03  # of the shorter side


class Reduced(NamedTuple):
    """An image at no more than 256 pixels along its longer side.

    Attributes:
        colour: Shape (H, W) or (H, W, 3), 0 to 1.
        grey: Shape (H, W), the mean of its channels.
        inside: Shape (H, W), its region; None if it has none.
        outside: Shape (H, W), what lies outside the region's bounding box by at least ``around``
            pixels: neither a finding, nor its edge, nor the outline of a mask shows there. All of
            the image where it has no region.
        around: How far filters may look, in pixels.
    """

    colour: NDArray[np.float32]
    grey: NDArray[np.float32]
    inside: Region | None
    outside: Region
    around: int


def reduced(image: NDArray[Any], roi: Region | None) -> Reduced:
    """Reduce an image as decoded, before any model's preprocessing.

    Args:
        image: Shape (H, W) or (H, W, 3); unsigned integers over their full range.
        roi: Shape (H, W), the region of interest; None, or empty, if there is none.
    """
    top = float(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else 1.0
    step = max(1, -(-max(image.shape[:2]) // _SAMPLED))
    colour = image[::step, ::step].astype(np.float32) / top
    grey = colour.mean(axis=2) if colour.ndim == 3 else colour
    around = max(3, round(_AROUND * min(grey.shape)))
    outside: Region = np.ones(grey.shape, np.bool_)
    inside = None
    if roi is not None and roi.any():
        inside = roi[::step, ::step]
        box = (_reach(np.asarray(roi.any(axis=axis)), step, around) for axis in (1, 0))
        outside[tuple(box)] = False
    return Reduced(colour, grey, inside, outside, around)


def _reach(there: NDArray[np.bool_], step: int, around: int) -> slice:
    """Positions along one axis of the reduced image that the box and its surroundings take up."""
    at = np.flatnonzero(there)
    last = len(range(0, len(there), step)) - 1
    return slice(max(0, at[0] // step - around), min(last, at[-1] // step + around) + 1)
