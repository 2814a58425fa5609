"""Small curves side by side: an AUROC against the severity of each corruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord

WIDTH, HEIGHT = 150, 134
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 8, 8, 36
_MOST = 5.0


@dataclass(frozen=True)
class Step:
    """One severity; positions in SVG units."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class SeverityCurve:
    """The curve of one corruption, and the estimates behind it."""

    name: str
    steps: tuple[Step, ...]
    path: str
    estimates: tuple[EstimateRecord, ...]
    ticks: tuple[tuple[float, str], ...]
    severities: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    chance: float = 0.0


def severity_curve(name: str, estimates: Sequence[EstimateRecord]) -> SeverityCurve:
    """Lay out estimates that are placed by ``severity``, 0 for the unchanged picture.

    Args:
        name: Of the corruption.
        estimates: One per severity; AUROCs.
    """
    ordered = sorted(estimates, key=lambda one: float(one.at["severity"]))
    steps = tuple(
        Step(_x(float(one.at["severity"])), _y(one.value), _y(one.low), _y(one.high))
        for one in ordered
    )
    return SeverityCurve(
        name=name,
        steps=steps,
        path="M" + "L".join(f"{step.x} {step.y}" for step in steps),
        estimates=tuple(ordered),
        ticks=tuple((_y(value), f"{value:g}") for value in (0.0, 0.5, 1.0)),
        severities=tuple((_x(float(number)), str(number)) for number in range(6)),
        chance=_y(0.5),
    )


def _x(severity: float) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * severity / _MOST, 1)


def _y(auroc: float) -> float:
    share = min(max(auroc, 0.0), 1.0)
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)
