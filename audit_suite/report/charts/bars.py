"""Bars: each region's share of what moves a model's output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import PlayerRecord

WIDTH, LABEL, ROW, AXIS = 760, 200, 26, 30
_PLOT = WIDTH - LABEL - 20
_STEPS = 5
HALF = 0.5
"""From this share of its pixels on a region counts as part of the ROI."""


@dataclass(frozen=True)
class Bar:
    """One region's share; positions in SVG units."""

    player: PlayerRecord
    y: float
    end: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """Bars of all regions, those of the ROI first, the largest first."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: int = WIDTH
    left: int = LABEL


def bars(players: Sequence[PlayerRecord]) -> Bars | None:
    """Lay out the shares of regions on an axis from 0 to the next tenth; None without any."""
    if not players:
        return None
    ordered = sorted(players, key=lambda p: (p.inside < HALF, -p.share.value))
    top = max(0.1, *(p.share.high for p in ordered))
    top = math.ceil(top * 10) / 10

    def place(share: float) -> float:
        return round(LABEL + min(share / top, 1) * _PLOT, 1)

    drawn = tuple(
        Bar(p, ROW * (i + 0.5), place(p.share.value), place(p.share.low), place(p.share.high))
        for i, p in enumerate(ordered)
    )
    ticks = tuple(
        (place(top * i / _STEPS), f"{100 * top * i / _STEPS:.0f} %") for i in range(_STEPS + 1)
    )
    return Bars(drawn, ticks, height=ROW * len(drawn) + AXIS)
