"""The default rules as pure statistics: R1, R8-box with three fills, and R3.

The same contrasts, levels and family rules as the product's, on many test sets at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, stdtr

from audit_suite.statistics import FEWEST_PATIENTS
from decisions.sums import Floats, Sums

FLOOR = 0.60  # of R1
KEPT = 0.25  # share of the skill that R8-box allows
MARGIN = 0.05  # of R3
PASS = 0.05
FULL = 0  # the first condition is the whole image, the others are the fills


@dataclass(frozen=True)
class Levels:
    """Error levels of one audit.

    Attributes:
        passing: One-sided level of every pass; shape (R,) if it differs by test set.
        failing: Level of a fail of one check for one target.
    """

    passing: float | Floats = PASS
    failing: float = 0.0125

    @classmethod
    def of(cls, targets: int = 1, looks: int = 1) -> Levels:
        """The levels of a release with so many targets and declared looks."""
        return cls(PASS / looks, 0.025 / (2 * targets))


@dataclass(frozen=True)
class Decided:
    """Decisions of R test sets, each of shape (R,), bool; neither open nor closed is undecided.

    Attributes:
        open: R1 and R8-box pass.
        closed: R1 or R8-box fails, or R3 fails and R8-box does not pass.
        skilled: R1 passes.
        kept_failed: R8-box fails.
        chance_failed: R3 fails.
    """

    open: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    skilled: NDArray[np.bool_]
    kept_failed: NDArray[np.bool_]
    chance_failed: NDArray[np.bool_]


def decide(sums: Sums, levels: Levels, two_of_three: bool = True) -> Decided:
    """Decide by the default rules.

    Args:
        sums: Of the whole image and of the fills (box hidden).
        levels: The error levels.
        two_of_three: Whether a fail needs two fills (partial conjunction), as the product asks;
            else all of them, each on the same side.
    """
    if sums.fewest < FEWEST_PATIENTS:
        none = np.zeros(len(sums.auroc), bool)
        return Decided(none, none, none, none, none)
    above, below = _p_of_value(sums, FULL, FLOOR)
    skilled, unskilled = above < levels.passing, below < levels.failing
    fills = range(1, sums.auroc.shape[1])
    more, less = zip(*(_p_of_share(sums, fill, KEPT) for fill in fills), strict=True)
    back, turned = zip(*(_p_of_share(sums, fill, -KEPT) for fill in fills), strict=True)
    kept_passes = np.all([p < levels.passing for p in (*less, *back)], axis=0)
    kept_failed = _fails(np.array(more), np.array(turned), levels.failing, two_of_three)
    high = np.array([_p_of_value(sums, fill, 0.5 + MARGIN)[0] for fill in fills])
    low = np.array([_p_of_value(sums, fill, 0.5 - MARGIN)[1] for fill in fills])
    chance_failed = _fails(high, low, levels.failing, two_of_three)
    opened = skilled & kept_passes
    closed = unskilled | (skilled & kept_failed) | (chance_failed & ~kept_passes)
    return Decided(opened, closed, skilled, kept_failed, chance_failed)


def _fails(up: Floats, down: Floats, level: float, two_of_three: bool) -> NDArray[np.bool_]:
    """Whether a family fails, from one-sided p values of both sides, shape (fills, R)."""
    if not two_of_three:
        return (up < level).all(axis=0) | (down < level).all(axis=0)
    each = np.sort(np.minimum(1, 2 * np.minimum(up, down)), axis=0)
    second = each[min(1, len(each) - 1)]
    return max(len(each) - 1, 1) * second < level


def _p_of_value(sums: Sums, one: int, limit: float) -> tuple[Floats, Floats]:
    """One-sided p values for an AUROC above and below a limit, on the logit scale."""
    value = np.clip(sums.auroc[:, one], sums.edge, 1 - sums.edge)
    weights = np.zeros_like(sums.auroc)
    weights[:, one] = 1 / (value * (1 - value))
    return _tails(sums, logit(value) - logit(limit), weights)


def _p_of_share(sums: Sums, fill: int, share: float) -> tuple[Floats, Floats]:
    """One-sided p values for a share of the skill above and below a limit, on the logit scale."""
    hidden = np.clip(sums.auroc[:, fill], sums.edge, 1 - sums.edge)
    allowed = 0.5 + share * (sums.auroc[:, FULL] - 0.5)
    weights = np.zeros_like(sums.auroc)
    weights[:, fill] = 1 / (hidden * (1 - hidden))
    weights[:, FULL] = -share / (allowed * (1 - allowed))
    return _tails(sums, logit(hidden) - logit(allowed), weights)


def _tails(sums: Sums, gap: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Tails of a contrast by Satterthwaite's t: evidence that it is above 0, and below."""
    parts = np.einsum("rk,rskl,rl->rs", weights, sums.products, weights)
    total = parts.sum(axis=1) + (weights**2 * sums.beyond).sum(axis=1)
    sizes = np.array(sums.strata) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.clip(total**2 / (parts**2 / sizes).sum(axis=1), 1, None)
        t = np.where(total > 0, gap / np.sqrt(total), np.sign(gap) * np.inf)
    df = np.where(np.isfinite(df), df, sum(sums.strata) - 1)
    return stdtr(df, -t), stdtr(df, t)
