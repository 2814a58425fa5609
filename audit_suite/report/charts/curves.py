"""Curves: estimates placed on an axis, such as an AUROC against a dilation radius."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord
from audit_suite.report.words import masking_in_words

WIDTH, HEIGHT = 370, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 44
_AXES = {
    "radius": "dilation, pixels of a frame of 512",
    "visible": "share of the image that is visible",
}
_MARKS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True)
class Point:
    """One estimate; positions in SVG units."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One line of a panel, distinguished by mark and dashes, not by colour alone."""

    name: str
    mark: str
    number: int
    points: tuple[Point, ...]
    path: str


@dataclass(frozen=True)
class Panel:
    """One axis system."""

    axis: str
    series: tuple[Series, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    chance: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class Curves:
    """The panels of one finding and the estimates behind them, by series."""

    panels: tuple[Panel, ...]
    series: tuple[tuple[str, str, tuple[EstimateRecord, ...]], ...]


def curves(estimates: Sequence[EstimateRecord]) -> Curves | None:
    """Lay out estimates that are placed on a radius; None if there are none.

    Args:
        estimates: A finding's observations.
    """
    groups: dict[str, dict[float, EstimateRecord]] = {}
    for estimate in estimates:
        if "radius" in estimate.at:
            groups.setdefault(_name(estimate), {})[float(estimate.at["radius"])] = estimate
    if not groups:
        return None
    series = {name: [points[at] for at in sorted(points)] for name, points in groups.items()}
    placed = [estimate for points in series.values() for estimate in points]
    panels = [
        _panel(axis, series, placed)
        for axis in _AXES
        if all(axis in estimate.at for estimate in placed)
    ]
    legend = zip(series.items(), _MARKS * len(series), strict=False)
    return Curves(
        tuple(panels), tuple((name, mark, tuple(points)) for (name, points), mark in legend)
    )


def _name(estimate: EstimateRecord) -> str:
    words = masking_in_words(str(estimate.at["masking"]))
    grown = estimate.at.get("grown")
    return f"{words}, {grown}s' masks grown" if grown else words


def _panel(
    axis: str, series: dict[str, list[EstimateRecord]], placed: Sequence[EstimateRecord]
) -> Panel:
    # Small radii matter most, and the paper's factors are spaced like squares.
    stretch: Callable[[float], float] = math.sqrt if axis == "radius" else float
    largest = max(float(e.at[axis]) for e in placed) if axis == "radius" else 1.0
    marks = (0, 5, 25, 50, 100, 200, 300, 500) if axis == "radius" else (0, 0.25, 0.5, 0.75, 1)
    is_change = any("grown" in e.at or e.low < 0 for e in placed)
    low, high = (-1.0, 1.0) if is_change else (0.0, 1.0)

    def x(value: float) -> float:
        share = stretch(value) / stretch(largest or 1.0)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    drawn = []
    for number, (name, estimates) in enumerate(series.items()):
        ordered = sorted(estimates, key=lambda estimate: float(estimate.at[axis]))
        points = tuple(
            Point(x(float(e.at[axis])), y(e.value), y(e.low), y(e.high)) for e in ordered
        )
        path = "M" + "L".join(f"{point.x} {point.y}" for point in points)
        drawn.append(Series(name, _MARKS[number % len(_MARKS)], number, points, path))
    step = (high - low) / 4
    return Panel(
        axis=_AXES[axis],
        series=tuple(drawn),
        x_ticks=tuple(
            (x(mark), f"{mark:g}" if axis == "radius" else f"{mark:.0%}")
            for mark in marks
            if mark <= largest
        ),
        y_ticks=tuple(
            (y(low + i * step), f"{low + i * step:.2g}".replace("-", "−")) for i in range(5)
        ),
        chance=y(0.0 if is_change else 0.5),
    )
