"""The scale on which an interval is symmetric: logit for bounded estimates, else plain."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit  # scipy.stats takes half a second to import


@dataclass(frozen=True)
class Scale:
    """A t distribution on the estimate's own scale; intervals and p values invert each other.

    Attributes:
        value: The estimate.
        se: Its standard error, on the plain scale.
        df: Degrees of freedom.
        bounds: Ends of the estimate's range for the logit scale; None for the plain scale.
        edge: Share of the range within which an estimate counts as being at an end: an AUC of
            exactly 1 is replaced by 1 - edge, where its logit is finite.
    """

    value: float
    se: float
    df: float
    bounds: tuple[float, float] | None
    edge: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided interval; contains the estimate and stays inside the range."""
        centre, se = self._centre()
        half = float(stdtrit(self.df, (1 + confidence) / 2)) * se
        low, high = self._back(centre - half), self._back(centre + half)
        if self.bounds is not None:
            share = self._share(self.value)
            low = self.bounds[0] if share <= 0 else low
            high = self.bounds[1] if share >= 1 else high
        return min(low, self.value), max(high, self.value)

    def p_above(self, limit: float) -> float:
        """One-sided p value against "the truth is at most ``limit``"."""
        return float(stdtr(self.df, -self._t(limit)))

    def p_below(self, limit: float) -> float:
        """One-sided p value against "the truth is at least ``limit``"."""
        return float(stdtr(self.df, self._t(limit)))

    def _t(self, limit: float) -> float:
        centre, se = self._centre()
        gap = centre - self._forth(limit)
        if se > 0:
            return gap / se
        return math.copysign(math.inf, gap) if gap else 0.0

    def _centre(self) -> tuple[float, float]:
        if self.bounds is None:
            return self.value, self.se
        share = min(max(self._share(self.value), self.edge), 1 - self.edge)
        width = self.bounds[1] - self.bounds[0]
        return _logit(share), self.se / width / (share * (1 - share))

    def _share(self, value: float) -> float:
        assert self.bounds is not None
        return (value - self.bounds[0]) / (self.bounds[1] - self.bounds[0])

    def _forth(self, value: float) -> float:
        return value if self.bounds is None else _logit(self._share(value))

    def _back(self, point: float) -> float:
        if self.bounds is None:
            return point
        low, high = self.bounds
        return low + (high - low) / (1 + math.exp(-point))


def _logit(share: float) -> float:
    if share <= 0:
        return -math.inf
    if share >= 1:
        return math.inf
    return math.log(share / (1 - share))
