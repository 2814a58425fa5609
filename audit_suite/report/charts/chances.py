"""Stacked areas: open, undecided and closed against the number of patients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 250, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 18, 12, 40
_MARKS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)

Steps = Sequence[tuple[int, float, float]]
"""Patients, in ascending order, with the chances to open and to close."""


@dataclass(frozen=True)
class Panel:
    """One truth; positions in SVG units.

    Attributes:
        title: The truth in words.
        opens: Path of the lower area.
        closes: Path of the upper area; what lies between stays undecided.
    """

    title: str
    opens: str
    closes: str


@dataclass(frozen=True)
class ChancesChart:
    """A panel per truth, on common axes."""

    panels: tuple[Panel, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    at_hand: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chances_chart(truths: Sequence[tuple[str, Steps]], at_hand: int | None = None) -> ChancesChart:
    """Lay out chances on a logarithmic axis of patients.

    Args:
        truths: By panel its title and two or more steps; the numbers of patients are the same.
        at_hand: Number of patients to mark, if any.
    """
    numbers = [patients for patients, *_ in truths[0][1]]
    least, most = numbers[0], numbers[-1]

    def x(patients: float) -> float:
        share = math.log(patients / least) / math.log(most / least)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(chance: float) -> float:
        return round(HEIGHT - _BOTTOM - chance * (HEIGHT - _TOP - _BOTTOM), 1)

    def area(edge: Sequence[float], base: float) -> str:
        points = [(x(patients), y(value)) for patients, value in zip(numbers, edge, strict=True)]
        points += [(x(most), y(base)), (x(least), y(base))]
        return "M" + "L".join(f"{across} {down}" for across, down in points) + "Z"

    panels = tuple(
        Panel(
            title,
            area([opens for _, opens, _ in steps], 0),
            area([1 - closes for _, _, closes in steps], 1),
        )
        for title, steps in truths
    )
    return ChancesChart(
        panels=panels,
        x_ticks=tuple((x(mark), f"{mark:,}") for mark in _MARKS if least <= mark <= most),
        y_ticks=tuple((y(quarter / 4), f"{25 * quarter} %") for quarter in range(5)),
        at_hand=None if at_hand is None or not least <= at_hand <= most else x(at_hand),
    )
