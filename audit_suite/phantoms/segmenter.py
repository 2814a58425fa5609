"""A segmenter that misses diseased tissue: its mask has a hole where the finding is densest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.phantoms.shapes import grid
from audit_suite.regions import signed_distance

MISSED_RADIUS = 0.20  # of a hole at strength 1: 10 % of the frame, which runs from -1 to 1


def miss(
    regions: dict[str, NDArray[np.bool_]],
    names: Sequence[str],
    centre: tuple[float, float],
    strength: float,
) -> None:
    """Cut a disc out of regions, in place, but leave their rim.

    The outline therefore stays true: dilating the regions by the hole's radius restores them.

    Args:
        regions: Masks by name, each of shape (S, S).
        names: The regions to cut; the rim is that of the first, which contains the others.
        centre: The disc's centre, x and y.
        strength: Its radius as a share of `MISSED_RADIUS`, 0 to 1.
    """
    if not strength:
        return
    x, y = grid(len(regions[names[0]]))
    missed = np.hypot(x - centre[0], y - centre[1]) <= strength * MISSED_RADIUS
    missed &= signed_distance(regions[names[0]]) < -1
    for name in names:
        regions[name] = regions[name] & ~missed
