"""One-sided p values of an AUROC, and of the share and difference of two, on the logit scale.

The contrasts of the product's estimates (`Estimate`, `share_kept`, differences), for many test sets
at once. A 95 % interval holds the truth where neither p value of the truth is below .025.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logit, stdtr

from decisions.sums import Floats, Sums

Tails = tuple[Floats, Floats]
"""p values against "at most the limit" and "at least the limit", each of shape (R,)."""


def p_of_auroc(sums: Sums, one: int, limit: float) -> Tails:
    """Tails of an AUROC at a limit."""
    value = np.clip(sums.auroc[:, one], sums.edge, 1 - sums.edge)
    return _tails(sums, logit(value) - logit(limit), {one: 1 / (value * (1 - value))})


def p_of_share(sums: Sums, hidden: int, full: int, limit: float) -> Tails:
    """Tails of the share of skill kept, (A(hidden) - .5) / (A(full) - .5), at a limit."""
    left = np.clip(sums.auroc[:, hidden], sums.edge, 1 - sums.edge)
    allowed = 0.5 + limit * (sums.auroc[:, full] - 0.5)
    allowed = np.clip(allowed, sums.edge, 1 - sums.edge)
    slopes = {hidden: 1 / (left * (1 - left)), full: -limit / (allowed * (1 - allowed))}
    above, below = _tails(sums, logit(left) - logit(allowed), slopes)
    turned = sums.auroc[:, full] < 0.5
    return np.where(turned, below, above), np.where(turned, above, below)


def p_of_difference(
    sums: Sums, first: int, second: int, limit: float, plain: bool = False
) -> Tails:
    """Tails of A(first) - A(second) at a limit.

    Args:
        sums: The test sets.
        first: A condition.
        second: Another.
        limit: The difference that is tested.
        plain: On the plain scale, which the product does not use, to compare.
    """
    a, b = sums.auroc[:, first], sums.auroc[:, second]
    if plain:
        return _tails(sums, a - b - limit, {first: np.ones_like(a), second: -np.ones_like(a)})
    mine = np.clip(a - limit / 2, sums.edge, 1 - sums.edge)
    other = np.clip(b + limit / 2, sums.edge, 1 - sums.edge)
    slopes = {first: 1 / (mine * (1 - mine)), second: -1 / (other * (1 - other))}
    return _tails(sums, logit(mine) - logit(other), slopes)


def _tails(sums: Sums, gap: Floats, slopes: dict[int, Floats]) -> Tails:
    """Tails of a contrast by Satterthwaite's t."""
    weights = np.zeros_like(sums.auroc)
    for place, slope in slopes.items():
        weights[:, place] = slope
    parts = np.einsum("rk,rskl,rl->rs", weights, sums.products, weights)
    total = parts.sum(axis=1) + (weights**2 * sums.beyond).sum(axis=1)
    sizes = np.array(sums.strata) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.clip(total**2 / (parts**2 / sizes).sum(axis=1), 1, None)
        t = np.where(total > 0, gap / np.sqrt(total), np.sign(gap) * np.inf)
    df = np.where(np.isfinite(df), df, sum(sums.strata) - 1)
    return stdtr(df, -t), stdtr(df, t)
