"""A segmenter that misses sick tissue: the mask has a hole where the finding is densest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.phantoms.shapes import grid

MISSED_RADIUS = 0.15  # of a hole at strength 1; the frame runs from -1 to 1: 7.5 % of it


def miss(
    regions: dict[str, NDArray[np.bool_]],
    names: Sequence[str],
    centre: tuple[float, float],
    strength: float,
) -> None:
    """Take a disc out of regions, in place.

    Args:
        regions: Masks by name, each of shape (S, S).
        names: The regions that lose it.
        centre: Of the disc, x and y.
        strength: 0 to 1: its radius, as a share of `MISSED_RADIUS`.
    """
    if not strength:
        return
    x, y = grid(len(regions[names[0]]))
    missed = np.hypot(x - centre[0], y - centre[1]) <= strength * MISSED_RADIUS
    for name in names:
        regions[name] = regions[name] & ~missed
