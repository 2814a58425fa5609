"""The default rules as pure statistics: R1, R8-box with three fills, and R3.

The same contrasts, levels and family rules as the product's, on many test sets at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.statistics import FEWEST_PATIENTS
from decisions.contrasts import p_of_auroc, p_of_share
from decisions.sums import Floats, Sums

FLOOR = 0.60  # of R1
KEPT = 0.25  # share of the skill that R8-box allows
MARGIN = 0.05  # of R3
PASS = 0.05
FULL = 0  # the whole image; the other conditions are the fills


@dataclass(frozen=True)
class Levels:
    """Error levels of one audit.

    Attributes:
        passing: One-sided level of every pass; shape (R,) if it differs by test set.
        failing: Level of a fail of R8-box or R3 for one target.
        floor: Level of a fail of R1, which shares with all other checks.
    """

    passing: float | Floats = PASS
    failing: float = 0.0125
    floor: float = 0.00025

    @classmethod
    def of(cls, targets: int = 1, looks: int = 1) -> Levels:
        """The levels of a release with so many targets and declared looks."""
        return cls(PASS / looks, 0.025 / (2 * targets), 0.00025 / targets)


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
    above, below = p_of_auroc(sums, FULL, FLOOR)
    skilled, unskilled = above < levels.passing, below < levels.floor
    fills = range(1, sums.auroc.shape[1])
    more, less = zip(*(p_of_share(sums, fill, FULL, KEPT) for fill in fills), strict=True)
    back, turned = zip(*(p_of_share(sums, fill, FULL, -KEPT) for fill in fills), strict=True)
    kept_passes = np.all([p < levels.passing for p in (*less, *back)], axis=0)
    kept_failed = _fails(np.array(more), np.array(turned), levels.failing, two_of_three)
    high = np.array([p_of_auroc(sums, fill, 0.5 + MARGIN)[0] for fill in fills])
    low = np.array([p_of_auroc(sums, fill, 0.5 - MARGIN)[1] for fill in fills])
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
