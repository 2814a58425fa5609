"""The chance that the required checks open the gate, or close it, before anything is computed.

For binormal scores with equal variances. Chances simulated by the product's own rules lie within
.05 of these in .985 of 336 designs (to open) and in .958 (to close); see docs/benchmarks.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, ndtr, stdtrit

from audit_suite.statistics.design import Cohort, Levels, Spread

FILLS = 3
"""Fills under which R8-box must pass."""

_KEPT = 0.25  # share of the skill that R8-box allows with the box hidden
_CHANCE = 0.55  # AUROC up to which R3 takes a model for one at chance
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)

_AS_ASSUMED, _USUAL = Spread(), Levels()
_HONEST = (0.0,) * FILLS

Floats = NDArray[np.float64]


def chance_to_open(
    auroc: float,
    cohort: Cohort,
    floor: float,
    *,
    shares: Sequence[float] = _HONEST,
    spread: Spread = _AS_ASSUMED,
    levels: Levels = _USUAL,
) -> float:
    """The chance that R1 and R8-box both pass.

    Args:
        auroc: The model's AUROC on full images.
        cohort: Patients and images.
        floor: What R1 requires the AUROC to exceed.
        shares: By fill the share of (AUROC - .5) that is left with the box hidden, below 0 where
            the scores are inverted; zeros for an honest model.
        spread: How the AUROCs vary.
        levels: Error levels.

    Returns:
        A probability; 0 with too few patients of either class for a verdict.
    """
    if not cohort.is_judged or auroc <= floor:
        return 0.0
    shown = _skill_is_shown(auroc, cohort, floor, spread, levels)
    return min(shown, _little_is_kept(auroc, cohort, tuple(shares), spread, levels))


def chance_to_close(
    auroc: float,
    cohort: Cohort,
    shares: Sequence[float],
    *,
    spread: Spread = _AS_ASSUMED,
    levels: Levels = _USUAL,
) -> float:
    """The chance that R8-box or R3 fails under at least two fills.

    R3 does not close where R8-box passes.

    Args:
        auroc: The model's AUROC on full images.
        cohort: Patients and images.
        shares: As for `chance_to_open`; two or more.
        spread: How the AUROCs vary.
        levels: Error levels.

    Returns:
        A probability; 0 with too few patients of either class for a verdict, or without skill.
    """
    if not cohort.is_judged or auroc <= 0.5:
        return 0.0
    skill = auroc - 0.5
    bound = 0.5 + _KEPT * skill
    full_variance = spread.full * cohort.variance(auroc)
    beyond_bound, beyond_chance = [], []
    for share in map(abs, shares):
        hidden = _within(0.5 + share * skill)
        hidden_variance, covariance = _moments(full_variance, auroc, share, cohort, spread)
        slope, limit = 1 / (hidden * (1 - hidden)), _KEPT / (bound * (1 - bound))
        contrast = (
            slope**2 * hidden_variance + limit**2 * full_variance - 2 * slope * limit * covariance
        )
        beyond_bound.append((logit(hidden) - logit(bound)) / math.sqrt(contrast))
        beyond_chance.append((logit(hidden) - logit(_CHANCE)) / slope / math.sqrt(hidden_variance))
    # Of the partial conjunction of two of K fills, each on either side.
    level = levels.failing / (2 * (len(shares) - 1))
    quantile = float(stdtrit(cohort.degrees, 1 - level))
    by_share, by_chance = (
        _at_least_two(np.array(distances) - quantile, spread.between_fills)
        for distances in (beyond_bound, beyond_chance)
    )
    passes = _little_is_kept(auroc, cohort, tuple(shares), spread, levels)
    return max(by_share, min(by_chance, 1 - passes))


def chance_below_floor(
    auroc: float,
    cohort: Cohort,
    floor: float,
    *,
    spread: Spread = _AS_ASSUMED,
    levels: Levels = _USUAL,
) -> float:
    """The chance that R1 fails.

    Args:
        auroc: The model's AUROC on full images.
        cohort: Patients and images.
        floor: What R1 requires the AUROC to exceed.
        spread: How the AUROCs vary.
        levels: Error levels.
    """
    if not cohort.is_judged:
        return 0.0
    gain = _gain(auroc, cohort, floor, spread)
    return float(ndtr(-gain - stdtrit(cohort.degrees, 1 - levels.floor)))


def _skill_is_shown(
    auroc: float, cohort: Cohort, floor: float, spread: Spread, levels: Levels
) -> float:
    """The chance that R1 passes."""
    gain = _gain(auroc, cohort, floor, spread)
    return float(ndtr(gain - stdtrit(cohort.degrees, 1 - levels.passing)))


def _gain(auroc: float, cohort: Cohort, floor: float, spread: Spread) -> float:
    """Distance of an AUROC from a floor on the logit scale, in standard errors."""
    deviation = math.sqrt(spread.full * cohort.variance(auroc))
    return float((logit(auroc) - logit(floor)) * auroc * (1 - auroc) / deviation)


@lru_cache(maxsize=256)  # asked again for the chance to close
def _little_is_kept(
    auroc: float, cohort: Cohort, shares: tuple[float, ...], spread: Spread, levels: Levels
) -> float:
    """The chance that R8-box passes under every fill and on both sides."""
    skill = auroc - 0.5
    quantile = float(stdtrit(cohort.degrees, 1 - levels.passing))
    full = spread.full * cohort.variance(auroc)
    above, below = [], []
    for share in map(abs, shares):
        hidden, covariance = _moments(full, auroc, share, cohort, spread)
        both, together = hidden + _KEPT**2 * full, 2 * _KEPT * covariance
        above.append((_KEPT - share) * skill / math.sqrt(both - together) - quantile)
        below.append(quantile - (_KEPT + share) * skill / math.sqrt(both + together))
    under = _under(np.array([*above, *below]), spread)
    inside = under[: len(above)] - under[len(above) :]
    return _averaged(np.clip(inside, 0, None).prod(axis=0))


def _at_least_two(distances: Floats, between_fills: float) -> float:
    """The chance that at least two of some correlated normal variables exceed 0.

    Args:
        distances: Shape (fills,), their means; their variance is 1.
        between_fills: Their correlation.
    """
    exceeds = 1 - _under(-distances, Spread(between_fills=between_fills))
    stays = 1 - exceeds
    none = stays.prod(axis=0)
    one = sum(
        exceeds[fill] * np.delete(stays, fill, axis=0).prod(axis=0) for fill in range(len(exceeds))
    )
    return _averaged(1 - none - one)


def _under(limits: Floats, spread: Spread) -> Floats:
    """The chance that a fill's noise stays under its limit, given what the fills share.

    Args:
        limits: Shape (fills,).
        spread: Gives the correlation between fills.

    Returns:
        Shape (fills, nodes).
    """
    common = math.sqrt(spread.between_fills) * _NODES
    own = math.sqrt(1 - spread.between_fills)
    under: Floats = ndtr((limits[:, None] - common) / own)
    return under


def _averaged(values: Floats) -> float:
    """The mean over what the fills share, from values at the nodes."""
    return float(min(max(_WEIGHTS @ values / _WEIGHTS.sum(), 0.0), 1.0))


def _moments(
    full: float, auroc: float, share: float, cohort: Cohort, spread: Spread
) -> tuple[float, float]:
    """Variance of the AUROC on masked images, and its covariance with that on full ones.

    Args:
        full: Variance of the AUROC on full images.
        auroc: That AUROC.
        share: The part of its skill that is kept.
        cohort: Patients and images.
        spread: How the AUROCs vary.
    """
    hidden = spread.hidden * cohort.variance(_within(0.5 + share * (auroc - 0.5)))
    return hidden, spread.full_hidden(share) * math.sqrt(full * hidden)


def _within(auroc: float) -> float:
    return min(auroc, 0.999)
