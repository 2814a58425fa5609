"""AUROC of readers and model side by side, one row per masking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord

MODEL, MEAN = "model", "mean"
"""What stands in place of a reader's name."""
WIDTH, LABEL, ROW, AXIS = 760, 190, 46, 30
_PLOT = WIDTH - LABEL - 20
_ABOVE, _BELOW = 14, 30  # the model above a row's middle, readers below: neither hides the other


@dataclass(frozen=True)
class Mark:
    """One AUROC; positions in SVG units."""

    who: str
    estimate: EstimateRecord
    x: float
    low: float
    high: float
    y: float


@dataclass(frozen=True)
class SkillRow:
    """One masking."""

    name: str
    y: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class SkillPlot:
    """The plot of one place."""

    rows: tuple[SkillRow, ...]
    readers: int
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: int = WIDTH


def skill_plot(rows: Sequence[tuple[str, dict[str, EstimateRecord]]], readers: int) -> SkillPlot:
    """Lay out AUROCs on an axis from 0 to 1.

    Args:
        rows: By masking, in words, the AUROC of every reader, of `MEAN` and of `MODEL`.
        readers: How many people read.
    """
    return SkillPlot(
        rows=tuple(_row(number, name, aurocs) for number, (name, aurocs) in enumerate(rows)),
        readers=readers,
        ticks=tuple((_x(tenth / 10), f"{tenth / 10:.1f}") for tenth in range(0, 11, 2)),
        height=ROW * len(rows) + AXIS,
    )


def _row(number: int, name: str, aurocs: dict[str, EstimateRecord]) -> SkillRow:
    marks = tuple(
        Mark(
            who,
            auroc,
            _x(auroc.value),
            _x(auroc.low),
            _x(auroc.high),
            ROW * number + (_ABOVE if who == MODEL else _BELOW),
        )
        for who, auroc in aurocs.items()
    )
    return SkillRow(name, ROW * number + 26, marks)


def _x(auroc: float) -> float:
    return round(LABEL + min(max(auroc, 0.0), 1.0) * _PLOT, 1)
