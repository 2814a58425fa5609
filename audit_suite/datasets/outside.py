"""An image file reduced for measuring, and where nothing of its region can show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit_suite.regions import Region, extent

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
        box: That bounding box and its surroundings; None if it has no region.
        around: How far filters may look, in pixels.
    """

    colour: NDArray[np.float32]
    grey: NDArray[np.float32]
    inside: Region | None
    outside: Region
    box: tuple[slice, slice] | None
    around: int

    def unreached(self, window: int) -> Region:
        """Pixels that no square window, of odd side, around a pixel outside the box reaches."""
        unreached: Region = np.zeros(self.grey.shape, np.bool_)
        if self.box is not None:
            inner = zip(self.box, self.grey.shape, strict=True)
            unreached[tuple(_less(part, window // 2, length) for part, length in inner)] = True
        return unreached


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
    inside = box = None
    if roi is not None and (parts := extent(roi)) is not None:
        inside = roi[::step, ::step]
        rows, columns = parts
        height, width = grey.shape
        box = _reach(rows, height, step, around), _reach(columns, width, step, around)
        outside[box] = False
    return Reduced(colour, grey, inside, outside, box, around)


def _reach(part: slice, length: int, step: int, around: int) -> slice:
    """Positions along one axis of the reduced image that the box and its surroundings take up."""
    last = (part.stop - 1) // step
    return slice(max(0, part.start // step - around), min(length, last + around + 1))


def _less(part: slice, margin: int, length: int) -> slice:
    """Part of an axis without a margin, but for one at the frame: nothing lies beyond it."""
    start = part.start + margin if part.start > 0 else 0
    return slice(start, max(0, part.stop - margin) if part.stop < length else length)
