"""The smallest effect that the data could show."""

from __future__ import annotations

import math

from scipy.special import stdtrit

POWER = 0.9


def smallest_effect(se: float, df: float, alpha: float, two_sided: bool) -> float | None:
    """The smallest margin that would pass with 90 % power if the true difference were exactly 0.

    Equivalence at a true difference of 0 has power ``2 Phi(d/se - z) - 1``, so d is
    ``(z_{1-alpha} + z_{1-beta/2}) se``; one-sided it is ``(z_{1-alpha} + z_{1-beta}) se``.

    Args:
        se: Standard error.
        df: Degrees of freedom.
        alpha: One-sided error level of a pass.
        two_sided: Whether the claim is about a distance.
    """
    if not math.isfinite(se):
        return None
    beta = 1 - POWER
    tail = beta / 2 if two_sided else beta
    return float((stdtrit(df, 1 - alpha) + stdtrit(df, 1 - tail)) * se)
