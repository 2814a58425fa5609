"""What an image shows of how it was made where its region cannot show: without any anatomy (M5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.distributions import mean_and_spread, ordered_percentiles
from audit_suite.datasets.frame import EDGE, parts_of_whole
from audit_suite.datasets.outside import reduced
from audit_suite.regions import Region

AREAS = ("outside", "edge")
"""Where is measured: all that lies outside the region's bounding box, and of that the rim and the
corners of the frame."""
_LEVELS = (2, 10, 25, 40, 50, 60, 75, 90, 98)  # percentiles that describe a distribution
_PATCH = 5  # pixels along a side
_TINTS = 3
EACH = 4 * len(_LEVELS) + _TINTS
"""Numbers of each area."""


def acquisition(image: NDArray[Any], roi: Region | None) -> NDArray[np.float32]:
    """Describe an image by what does not depend on where in the area a pixel or patch lies.

    Percentiles of the intensities say what shuffled pixels leave; those of the mean, the spread and
    the steps of small patches what shuffled patches leave: exposure, contrast, processing, grain.

    Args:
        image: Shape (H, W) or (H, W, 3), as decoded; unsigned integers over their full range.
        roi: Shape (H, W), the region of interest; None, or empty, if there is none.

    Returns:
        Shape (len(AREAS) * EACH,), the areas in turn. Where there is no region, nothing is known of
        ``outside``: the finding may be anywhere. NaN also where a box leaves nothing of an area.
    """
    look = reduced(image, roi)
    # What no patch of the outside reaches is not read: running sums would carry its rounding.
    grey = np.where(look.unreached(_PATCH), np.float32(0), look.grey)
    mean, spread = mean_and_spread(grey, _PATCH)
    steps = np.zeros_like(grey)
    steps[1:, 1:] = np.abs(grey[1:, 1:] - grey[:-1, :-1])
    outside = None if look.inside is None else look.outside
    described = []
    for area in (outside, parts_of_whole(grey.shape, EDGE) & look.outside):
        if area is None or not area.any():
            described.append(np.full(EACH, np.nan))
            continue
        tint = np.zeros(_TINTS)
        if look.colour.ndim == 3:
            tint = (look.colour - grey[..., None])[area].mean(axis=0)
        pixels = np.stack([each[area] for each in (grey, mean, spread, steps)])
        pixels.sort(axis=1)
        described.append(np.concatenate([*ordered_percentiles(pixels, _LEVELS), tint]))
    return np.concatenate(described).astype(np.float32)
