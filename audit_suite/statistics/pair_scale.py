"""Intervals and p values of what two paired estimates give: their difference, share or ratio.

Each value l of the quantity is tested by a contrast of the two estimates that is 0 where l is true;
the interval holds the values that are not rejected (Fieller, J R Stat Soc B 16, 1954).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from scipy.special import stdtr, stdtrit

from audit_suite.statistics.influence import Stratum

Form = Literal["difference", "share", "ratio"]

_WIDEST = 10.0  # a share or ratio is not followed further: there the denominator may be 0
_STEPS = 200  # of the search for the ends of an interval, across the range


@dataclass(frozen=True)
class PairScale:
    """The t distribution of a quantity of two estimates; intervals and p values invert each other.

    ``difference`` and ``share`` are of AUROCs and judged on the logit scale, where the tails of the
    t distribution hold: with 20 positives and an AUROC of .95 beside one of .90, plain differences
    failed at a nominal .00125 in .012, these in .0005 (60,000 simulations). A difference l is
    tested by logit(first - l/2) - logit(second + l/2), a share by logit(first) -
    logit(.5 + l (second - .5)), a ratio by first - l second.

    Attributes:
        form: Which quantity.
        first: An AUROC, or the numerator.
        second: An AUROC, or the denominator.
        edge: Distance from 0 and 1 at which an AUROC counts as being at the end.
        strata: Sums of the squared influences and their products.
    """

    form: Form
    first: float
    second: float
    edge: float
    strata: Sequence[Stratum]

    @cached_property
    def value(self) -> float:
        """The quantity; 0 for a share or ratio without a denominator."""
        if self.form == "difference":
            return self.first - self.second
        centre = 0.5 if self.form == "share" else 0.0
        below = self.second - centre
        return min(max((self.first - centre) / below, -_WIDEST), _WIDEST) if below else 0.0

    @property
    def se(self) -> float:
        """Standard error of the quantity at its estimate (delta method)."""
        gap, se, _ = self._contrast(self.value)
        step = 1e-4
        slope = (self._contrast(self.value + step)[0] - gap) / step
        return abs(se / slope) if slope else math.inf

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom at the estimate."""
        return self._contrast(self.value)[2]

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided interval; contains the estimate and stays inside the range."""
        level = (1 - confidence) / 2
        return self._end(-1, level), self._end(1, level)

    def p_above(self, limit: float) -> float:
        """One-sided p value against "the truth is at most ``limit``"."""
        t, df = self._t(limit)
        return float(stdtr(df, -t))

    def p_below(self, limit: float) -> float:
        """One-sided p value against "the truth is at least ``limit``"."""
        t, df = self._t(limit)
        return float(stdtr(df, t))

    def _t(self, limit: float) -> tuple[float, float]:
        gap, se, df = self._contrast(limit)
        if self.form != "difference" and self.second < (0.5 if self.form == "share" else 0):
            gap = -gap
        if se > 0:
            return gap / se, df
        return (math.copysign(math.inf, gap) if gap else 0.0), df

    def _contrast(self, limit: float) -> tuple[float, float, float]:
        """The contrast that is 0 where ``limit`` is true, its standard error and its df."""
        if self.form == "ratio":
            return self.first - limit * self.second, *self._spread(1.0, -limit)
        if self.form == "difference":
            down, up = _split(limit, self.first, self.second)
            mine, weight = self._inside(self.first - down), 1.0
            other = self._inside(self.second + up)
        else:
            mine, weight = self._inside(self.first), limit
            other = self._inside(0.5 + limit * (self.second - 0.5))
        slopes = 1 / (mine * (1 - mine)), -weight / (other * (1 - other))
        return _logit(mine) - _logit(other), *self._spread(*slopes)

    def _inside(self, auroc: float) -> float:
        return min(max(auroc, self.edge), 1 - self.edge)

    def _spread(self, first: float, second: float) -> tuple[float, float]:
        """Standard error and degrees of freedom of a linear contrast of the two estimates."""
        parts = [
            first**2 * s.first + 2 * first * second * s.product + second**2 * s.second
            for s in self.strata
        ]
        total = max(sum(parts), 0.0)
        spread = sum(
            part**2 / (s.patients - 1)
            for part, s in zip(parts, self.strata, strict=True)
            if s.patients > 1
        )
        df = max(1.0, total**2 / spread) if spread else max(1.0, self._patients - 1)
        return total**0.5, df

    @cached_property
    def _patients(self) -> float:
        return float(sum(stratum.patients for stratum in self.strata))

    def _end(self, side: int, level: float) -> float:
        """The value nearest to the estimate on one side that is rejected at a level."""
        from scipy.optimize import brentq  # half a second to import

        last = side * (1.0 if self.form == "difference" else _WIDEST)

        def excess(limit: float) -> float:
            t, df = self._t(limit)
            return -side * t - float(stdtrit(df, 1 - level))

        if self._contrast(self.value)[1] == 0:  # the difference of an estimate with itself
            return self.value
        near = self.value
        for step in range(1, _STEPS + 1):
            far = self.value + (last - self.value) * (step / _STEPS) ** 2
            if excess(far) >= 0:
                return float(brentq(excess, near, far, xtol=1e-12)) if near != far else near
            near = far
        return last


def _split(limit: float, first: float, second: float) -> tuple[float, float]:
    """A limit divided into a fall of the first AUROC and a rise of the second.

    Half of it each; but neither comes nearer to an end than by half, and the other takes the rest.
    """
    falls, rises = ((first - 1) / 2, first / 2), (-second / 2, (1 - second) / 2)
    down, up = _within(limit / 2, *falls), _within(limit / 2, *rises)
    rest = limit - down - up
    return _within(down + rest, *falls), _within(up + rest, *rises)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
