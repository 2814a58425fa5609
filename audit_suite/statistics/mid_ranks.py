"""The place of scores among others, on a scale that models with different scores share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mid_ranks(scores: Floats, among: Floats) -> Floats:
    """Share of other scores that lie below each; equal ones count half.

    Args:
        scores: Any shape.
        among: Shape (n,), in ascending order.

    Returns:
        The shape of ``scores``, 0 to 1.
    """
    below = np.searchsorted(among, scores, side="left")
    upto = np.searchsorted(among, scores, side="right")
    return np.asarray((below + upto) / (2 * len(among)), np.float64)
