"""The smallest effect that the data could show, and the number of patients that would decide."""

from __future__ import annotations

import math

from scipy.special import ndtri, stdtrit

POWER = 0.9
_MOST = 1000  # times the present data; larger numbers are not realistic


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


def more_positives(
    se: float, positives: int, alpha: float, margin: float | None, gap: float
) -> int | None:
    """How many more positive patients would probably decide an inconclusive comparison.

    The standard error falls with the square root of the number of patients, at the present share of
    positives. For a distance, the true value is assumed to be at the centre if a smaller standard
    error could show that; otherwise, and for one-sided claims, at the present estimate.

    Args:
        se: Standard error.
        positives: Positive patients now.
        alpha: One-sided error level of a pass.
        margin: Margin of a distance; None for a one-sided claim.
        gap: Distance of the estimate from the limit (negative: beyond it).

    Returns:
        The number, or None if no realistic number would decide.
    """
    z_alpha = float(ndtri(1 - alpha))
    wanted = []
    if margin is not None and gap > 0:
        wanted.append(margin / (z_alpha + float(ndtri((1 + POWER) / 2))))
    if gap:
        wanted.append(abs(gap) / (z_alpha + float(ndtri(POWER))))
    for target in wanted:
        factor = (se / target) ** 2
        if 1 < factor <= _MOST:
            return math.ceil(positives * (factor - 1))
    return None
