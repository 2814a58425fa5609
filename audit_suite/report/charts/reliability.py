"""Reliability curve: the share of images with the finding against their probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord

SIDE, LEFT, TOP, BOTTOM = 260, 40, 10, 40


@dataclass(frozen=True)
class Bin:
    """One bin; positions in SVG units."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """The curve of one place, and the estimates behind it."""

    bins: tuple[Bin, ...]
    path: str
    estimates: tuple[EstimateRecord, ...]
    ticks: tuple[tuple[float, float, str], ...]
    width: int = LEFT + SIDE + TOP
    height: int = TOP + SIDE + BOTTOM
    left: int = LEFT
    right: int = LEFT + SIDE
    top: int = TOP
    bottom: int = TOP + SIDE


def reliability(estimates: Sequence[EstimateRecord]) -> Reliability | None:
    """Lay out estimates that are placed by their mean probability; None if there are none.

    Args:
        estimates: Those with ``predicted`` among their places are bins.
    """
    placed = [one for one in estimates if "predicted" in one.at]
    if not placed:
        return None
    bins = tuple(
        Bin(_x(float(one.at["predicted"])), _y(one.value), _y(one.low), _y(one.high))
        for one in placed
    )
    path = "M" + "L".join(f"{one.x} {one.y}" for one in bins)
    ticks = tuple((_x(fifth / 5), _y(fifth / 5), f"{fifth / 5:.1f}") for fifth in range(6))
    return Reliability(bins, path, tuple(placed), ticks)


def _x(share: float) -> float:
    return round(LEFT + SIDE * min(max(share, 0.0), 1.0), 1)


def _y(share: float) -> float:
    return round(TOP + SIDE * (1 - min(max(share, 0.0), 1.0)), 1)
