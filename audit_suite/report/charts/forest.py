"""Forest plots: comparisons on a common axis, with intervals and what their claims allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import ComparisonRecord, Finding
from audit_suite.report.words import acceptance

WIDTH, LABEL, ROW, AXIS = 760, 330, 26, 30
_PLOT = WIDTH - LABEL - 20
_STEPS = 5
AUROCS, SHARES, DIFFERENCES = "AUROC", "Shares", "Differences"
OTHERS = "Other measures"
UNITS = (AUROCS, SHARES, DIFFERENCES, OTHERS)
"""What estimates measure; only like is drawn on one axis."""
_TALL = 30  # lines of a plot that fits on a printed page
_MOST = 12  # comparisons of one finding that are drawn


@dataclass(frozen=True)
class Line:
    """One comparison in the plot; positions in SVG units."""

    label: str
    verdict: str
    y: float
    low: float
    value: float
    high: float
    band: tuple[float, float]
    words: str


@dataclass(frozen=True)
class Forest:
    """A forest plot."""

    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: int = WIDTH
    left: int = LABEL
    right: int = LABEL + _PLOT


def forest_of(findings: Sequence[Finding]) -> Forest | None:
    """Lay out the comparisons of some findings; None if there are none.

    Of a finding with many comparisons, as of groups of patients, those nearest to a fail.
    """
    rows = [(finding, one) for finding in findings for one in _telling(finding.comparisons)]
    return forest(rows) if rows else None


def by_unit(findings: Sequence[Finding]) -> tuple[tuple[str, Forest], ...]:
    """The comparisons of some findings on one axis for each unit: AUROCs, shares, differences.

    Where there are many of a unit, in parts that fit on a printed page, all with the same axis.
    """
    rows: dict[str, list[tuple[Finding, ComparisonRecord]]] = {}
    for finding in findings:
        for one in _telling(finding.comparisons):
            rows.setdefault(unit(one), []).append((finding, one))
    return tuple(
        (name, forest(rows[name][start : start + _TALL], rows[name]))
        for name in UNITS
        if name in rows
        for start in range(0, len(rows[name]), _TALL)
    )


def unit(comparison: ComparisonRecord) -> str:
    """What the number of a comparison measures, by its basis and its label: one of `UNITS`."""
    label = comparison.estimate.label
    form = comparison.basis.pair.form if comparison.basis and comparison.basis.pair else ""
    if "share" in label.lower() or form in ("share", "ratio"):
        return SHARES
    if form == "difference" or " - " in label or "gap" in label or " above " in label:
        return DIFFERENCES
    return AUROCS if label.startswith("AUROC") else OTHERS


def _telling(comparisons: Sequence[ComparisonRecord]) -> list[ComparisonRecord]:
    nearest = sorted(comparisons, key=lambda one: one.p_raw)[:_MOST]
    return [one for one in comparisons if one in nearest]


def forest(
    rows: Sequence[tuple[Finding, ComparisonRecord]],
    among: Sequence[tuple[Finding, ComparisonRecord]] = (),
) -> Forest:
    """Lay out comparisons on a common axis, each with its interval and the range its claim allows.

    Args:
        rows: Findings with one of their comparisons each; at least one.
        among: All that share the axis; by default these alone.
    """
    shared = among or rows
    values = [v for _, c in shared for v in (c.estimate.low, c.estimate.high, *acceptance(c))]
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    step = _nice((high - low or 0.1) / _STEPS)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    ends = [acceptance(comparison) for _, comparison in shared]
    if high <= low or any(end is None and start == high for start, end in ends):
        high += step  # room to show a range that is open above
    if any(start is None and end == low for start, end in ends):
        low -= step

    def place(value: float) -> float:
        share = min(max((value - low) / (high - low), 0), 1)
        return round(LABEL + share * _PLOT, 1)

    lines = []
    for position, (finding, comparison) in enumerate(rows):
        estimate = comparison.estimate
        start, end = acceptance(comparison)
        lines.append(
            Line(
                label=f"{estimate.label} ({finding.check})",
                verdict=comparison.verdict.value,
                y=ROW * (position + 0.5),
                low=place(estimate.low),
                value=place(estimate.value),
                high=place(estimate.high),
                band=(
                    place(low if start is None else start),
                    place(high if end is None else end),
                ),
                words=comparison.message,
            )
        )
    count = round((high - low) / step)
    digits = max(0, -math.floor(math.log10(step)))
    ticks = tuple(
        (place(low + i * step), f"{low + i * step:.{digits}f}".replace("-", "−"))
        for i in range(count + 1)
    )
    return Forest(tuple(lines), ticks, height=ROW * len(rows) + AXIS)


def _nice(rough: float) -> float:
    """The next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough - 1e-12)
