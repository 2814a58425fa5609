"""Attributions in the report: bars of regions, overlays, and what they say in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import AttributionRecord, EstimateRecord, Finding, Overlay, PlayerRecord
from audit_suite.verdict import Verdict

WIDTH, LABEL, ROW, AXIS = 760, 200, 26, 30
_PLOT = WIDTH - LABEL - 20
_TESTS = {"I3": "maps change with the model", "I5": "attributions add up"}
_HALF = 0.5


@dataclass(frozen=True)
class Bar:
    """One player's share; positions in SVG units."""

    player: PlayerRecord
    y: float
    end: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """Bars of all players, those of the ROI first, the largest first."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: int = WIDTH
    left: int = LABEL


@dataclass(frozen=True)
class Method:
    """Overlays of one method, and what its own tests said of it on this model."""

    name: str
    overlays: tuple[Overlay, ...]
    tests: tuple[tuple[str, str, EstimateRecord | None], ...]


@dataclass(frozen=True)
class Attributions:
    """What is shown of one place."""

    record: AttributionRecord
    bars: Bars | None
    methods: tuple[Method, ...]
    sentence: str


def attributions(
    records: Sequence[AttributionRecord], findings: Sequence[Finding]
) -> tuple[Attributions, ...]:
    """Lay out the attributions of all places.

    Args:
        records: Those of the audit's record.
        findings: Its findings; the tests of the methods are among them.
    """
    found = []
    for record in records:
        here = record.model, record.dataset, record.target
        mine = [f for f in findings if (f.model, f.dataset, f.target) == here]
        bars, methods = _bars(record.players), _methods(record, mine)
        found.append(Attributions(record, bars, methods, _sentence(record, mine)))
    return tuple(found)


def _bars(players: Sequence[PlayerRecord]) -> Bars | None:
    if not players:
        return None
    ordered = sorted(players, key=lambda p: (p.inside < _HALF, -p.share.value))
    top = max(0.1, *(p.share.high for p in ordered))
    steps = 5
    top = -(-top * 10 // 1) / 10

    def place(share: float) -> float:
        return round(LABEL + min(share / top, 1) * _PLOT, 1)

    bars = tuple(
        Bar(p, ROW * (i + 0.5), place(p.share.value), place(p.share.low), place(p.share.high))
        for i, p in enumerate(ordered)
    )
    ticks = tuple(
        (place(top * i / steps), f"{100 * top * i / steps:.0f} %") for i in range(steps + 1)
    )
    return Bars(bars, ticks, height=ROW * len(bars) + AXIS)


def _methods(record: AttributionRecord, mine: Sequence[Finding]) -> tuple[Method, ...]:
    found = []
    for name in dict.fromkeys(overlay.method for overlay in record.overlays):
        tests = []
        for check, words in _TESTS.items():
            # The case of I3 names the stage of shuffling after the method.
            tested = [f for f in mine if f.check == check and f"{f.case}-".startswith(f"{name}-")]
            for finding in tested[:1]:
                shown = finding.observations[-1] if finding.observations else None
                said = finding.reason.removeprefix("reported only: ")
                tests.append((f"{check} {words}", said, shown))
        overlays = tuple(overlay for overlay in record.overlays if overlay.method == name)
        found.append(Method(name, overlays, tuple(tests)))
    return tuple(found)


def _sentence(record: AttributionRecord, mine: Sequence[Finding]) -> str:
    """What a clinician can take from the bars; and where no verdict rests on them, why."""
    if not record.players:
        return ""
    verdicts = [finding for finding in mine if finding.check == "R14"]
    area = sum(p.area * p.inside for p in record.players)
    inside = sum(p.share.value * p.inside for p in record.players)
    outer = max(
        (p for p in record.players if p.inside < _HALF),
        key=lambda p: p.share.value,
        default=None,
    )
    text = (
        f"On average {100 * inside:.0f} % of what moves the model's answer on {record.target} "
        f"comes from the region of interest, on {100 * area:.0f} % of the image"
    )
    if outer is not None:
        text += (
            f"; outside it most comes from “{outer.name}” ({100 * outer.share.value:.0f} % of the "
            f"whole, on {100 * outer.area:.0f} % of the image)"
        )
    if verdicts and verdicts[0].verdict is Verdict.NOT_APPLICABLE:
        text += f". R14 draws no verdict from it: {verdicts[0].reason}"
    return f"{text}."
