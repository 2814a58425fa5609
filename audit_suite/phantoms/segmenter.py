"""A segmenter that misses sick tissue: the mask has a hole where the finding is densest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.phantoms.shapes import grid
from audit_suite.regions import signed_distance

MISSED_RADIUS = 0.20  # of a hole at strength 1; the frame runs from -1 to 1: 10 % of it


def miss(
    regions: dict[str, NDArray[np.bool_]],
    names: Sequence[str],
    centre: tuple[float, float],
    strength: float,
) -> None:
    """Take a disc out of regions, in place, and leave their rim.

    So the outline stays true: dilated by the hole's radius, the regions are what they would be
    without it.

    Args:
        regions: Masks by name, each of shape (S, S).
        names: The regions that lose it; the rim is that of the first, which holds the others.
        centre: Of the disc, x and y.
        strength: 0 to 1: its radius, as a share of `MISSED_RADIUS`.
    """
    if not strength:
        return
    x, y = grid(len(regions[names[0]]))
    missed = np.hypot(x - centre[0], y - centre[1]) <= strength * MISSED_RADIUS
    missed &= signed_distance(regions[names[0]]) < -1
    for name in names:
        regions[name] = regions[name] & ~missed
