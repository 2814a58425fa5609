"""The command line of `benchmarks/regressions.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import in_parts
from decisions.binormal import Design
from decisions.looks import DECLARED, look
from regressions.losses import families, intervals, shown

_SEED = 1907


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for, print their lines, write the figures."""
    in_parts.run(
        PARTS,
        summary,
        arguments,
        what="Comparisons of releases, simulated",
        quick="a sixth of the replicates, or less",
        clock=("cpu_seconds", time.process_time),
        digits=3,
    )


def summary(lines: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The worst realised levels, the powers that differ most, and what looks let through."""
    figures: dict[str, Any] = {}
    for how in ("paired", "apart"):
        losses = lines.get("losses", [])
        for name, loss in (("false", 0.05), ("none", 0.0), ("power_08", 0.08), ("power_12", 0.12)):
            values = [line[how] for line in losses if line["loss"] == loss]
            if values:
                pick = max if loss <= 0.05 else min
                figures[f"{how}_{name}"] = pick(values)
        if some := [line[how] for line in lines.get("families", [])]:
            figures[f"{how}_family_max"] = max(some)
    if some := lines.get("intervals", []):
        figures["covered_min"] = min(line["covered"] for line in some)
        figures["width_by_bootstrap_min"] = min(line["width_by_bootstrap"] for line in some)
        figures["width_by_bootstrap_max"] = max(line["width_by_bootstrap"] for line in some)
    for line in lines.get("looks", []):
        for key in ("freely", *(f"declared_{m}" for m in DECLARED), "first_1", "first_5"):
            figures[f"looks_{round(100 * line['kept'])}_{key}"] = line[key]
    return figures


def _looks(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Models that keep a third, a quarter, or nothing of their skill without the region."""
    for kept in (0.33, 0.25, 0.0):
        looked = look(Design(0.90, kept, 1500, 0.1), replicates, seed)
        yield {
            "kept": kept,
            "freely": looked.freely,
            **{f"declared_{m}": looked.declared[m] for m in DECLARED},
            **{f"first_{m}": looked.first[m] for m in DECLARED},
        }


PARTS: dict[str, in_parts.Part] = {  # what runs, and its replicates with and without --quick
    "losses": (lambda n: shown(n, _SEED), 100, 600),
    "families": (lambda n: families(n, _SEED), 60, 400),
    "intervals": (lambda n: intervals(n, _SEED), 100, 400),
    "looks": (lambda n: _looks(n, _SEED), 20, 100),
}
