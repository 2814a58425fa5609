"""From rows to figures: shares of blocked models and of named causes, with Wilson's intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from detection.grid import HALF, STRONG, Kind

if TYPE_CHECKING:
    from detection.auditing import Row

MARGIN = 0.05  # of R2 and R3
_Z = 1.959964
_Z_POWER = (
    3.288  # equivalence at a true difference of 0, 5 % level, 90 % power: 721 positives at 1:1
)
Item = TypeVar("Item")
VERDICTS = ("fail", "inconclusive", "pass", "error")


class Share(NamedTuple):
    """A share with its 95 % interval; ``value`` is None if there are no models."""

    count: int
    of: int
    value: float | None
    low: float
    high: float


def share(rows: Sequence[Item], holds: Callable[[Item], bool]) -> Share:
    """The share of rows for which a condition holds, with Wilson's interval."""
    count, n = sum(map(holds, rows)), len(rows)
    if not n:
        return Share(0, 0, None, 0.0, 1.0)
    p, z = count / n, _Z
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return Share(count, n, p, round(max(0.0, middle - half), 6), round(min(1.0, middle + half), 6))


def has_power(row: Row) -> bool:
    """Whether the test set has 90 % power to show |AUROC - .5| < .05 if the AUROC is .5."""
    negatives = row.size - row.positives
    if not row.positives or not negatives:
        return False
    error = ((1 / row.positives + 1 / negatives) / 12) ** 0.5
    return MARGIN / error >= _Z_POWER


def eligible(row: Row, kinds: Mapping[str, Kind]) -> bool:
    """Whether it counts towards the figures: enough patients, and no weak shortcut."""
    weak = kinds[row.kind].group in ("outside", "framing") and row.strength < STRONG
    return row.first and has_power(row) and not weak


def blocked(row: Row) -> bool:
    """Whether a check of the suite region-sensitivity failed."""
    return row.verdict == "fail"


def inconclusive(row: Row) -> bool:
    """Whether no check failed, and the data were too few for a verdict."""
    return row.verdict == "inconclusive"


def naively_blocked(row: Row) -> bool:
    """Whether the AUROC without the ROI is significantly above .5."""
    return row.naive[1] > 0.5


def right_cause(row: Row, kinds: Mapping[str, Kind]) -> bool:
    """Whether the planted cause is among the named ones."""
    return kinds[row.kind].cause in (row.causes or ())


def counted(rows: Iterable[Row], kinds: Mapping[str, Kind]) -> list[Row]:
    """The rows that count towards the figures."""
    return [row for row in rows if eligible(row, kinds)]


def with_interval(name: str, holds: Sequence[bool]) -> dict[str, Any]:
    """A share under its name, and its interval under ``name_low`` and ``name_high``."""
    measured = share(holds, bool)
    if measured.value is None:
        return {name: None}
    return {name: measured.value, f"{name}_low": measured.low, f"{name}_high": measured.high}


def summarise(rows: Iterable[Row], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """All figures, by name."""
    models = counted(rows, kinds)

    def of(*groups: str) -> list[Row]:
        return [row for row in models if kinds[row.kind].group in groups]

    with_cause = [r for r in models if kinds[r.kind].cause and r.causes is not None]
    honest, outside = of("honest"), of("outside")
    shares: dict[str, Iterable[bool]] = {
        "honest_blocked": map(blocked, honest),
        "outside_blocked": map(blocked, outside),
        "framing_blocked": map(blocked, of("framing")),
        "cause_right": (right_cause(row, kinds) for row in with_cause),
        "naive_honest_blocked": map(naively_blocked, honest),
        "naive_outside_blocked": map(naively_blocked, outside),
        "inconclusive": map(inconclusive, models),
        "honest_inconclusive": map(inconclusive, honest),
        "honest_causes": (bool(row.causes) for row in honest if row.causes is not None),
        "none_blocked": map(blocked, of("none")),
        "naive_none_blocked": map(naively_blocked, of("none")),
        "plain_blocked": map(blocked, of("plain")),
    }
    figures: dict[str, Any] = {
        "n_honest": len(honest),
        "n_outside": len(outside),
        "n_framing": len(of("framing")),
        "n_plain": len(of("plain")),
        "n_cause": len(with_cause),
        "n_models": len(models),
    }
    for name, holds in shares.items():
        figures |= with_interval(name, list(holds))
    return figures


def calibration(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> list[dict[str, Any]]:
    """The calibration table as data: one line per kind, strength and size of the test set."""
    cells: dict[tuple[str, float, int], list[Row]] = {}
    for row in rows:
        if not row.world and row.prevalence == HALF:
            cells.setdefault((row.kind, row.strength, row.size), []).append(row)
    slugs = causes_named(rows)
    order = {kind: place for place, kind in enumerate(kinds)}
    lines = []
    for (kind, strength, size), cell in sorted(
        cells.items(), key=lambda item: (order[item[0][0]], item[0][1], -item[0][2])
    ):
        stopped = share(cell, blocked)
        line: dict[str, Any] = {
            "truth": kind,
            "group": kinds[kind].group,
            "strength": strength,
            "patients": size,
            "models": len(cell),
            "own": all(row.first for row in cell),
            "eligible": sum(eligible(row, kinds) for row in cell),
            **{verdict: sum(row.verdict == verdict for row in cell) for verdict in VERDICTS},
            "blocked": stopped.value,
            "blocked_low": stopped.low,
            "blocked_high": stopped.high,
            "naively_blocked": sum(map(naively_blocked, cell)),
            "expected_cause": kinds[kind].cause or "",
            "right_cause": sum(right_cause(row, kinds) for row in cell),
        }
        line |= {f"named_{slug}": sum(slug in (r.causes or ()) for r in cell) for slug in slugs}
        lines.append(line)
    return lines


def causes_named(rows: Iterable[Row]) -> list[str]:
    """Every cause that any row names, sorted."""
    return sorted({cause for row in rows for cause in row.causes or ()})


def search_figures(rows: Iterable[Row], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Shares of models of which a searched counterexample (X3) was confirmed; none if none asked.

    Args:
        rows: The results.
        kinds: The kinds of the run.
    """
    figures: dict[str, Any] = {}
    searched = [row for row in rows if "X3" in row.checks]
    for name, group in (("honest", "honest"), ("shortcut", "outside")) if searched else ():
        some = [row.checks["X3"] == "fail" for row in searched if kinds[row.kind].group == group]
        figures |= {f"n_searched_{name}": len(some)} | with_interval(f"confirmed_{name}", some)
    return figures
