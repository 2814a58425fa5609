"""The command line of `benchmarks/coverage.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import in_parts
from covering import folded, heavy, intervals, regions, separation, tails

_SEED = 1907


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for, print their lines, write the figures."""
    in_parts.run(
        PARTS,
        summary,
        arguments,
        what="Coverage of intervals, and levels of tests",
        quick="a tenth of the replicates, or less",
        clock=("seconds", time.monotonic),
        digits=4,
    )


def summary(lines: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lowest and highest coverage of each kind of interval, and the worst realised levels."""
    figures: dict[str, Any] = {}
    every = lines.get("intervals", [])
    usual = [line for line in every if line["share"] == 0.6 and line["correlation"] == 0.7]
    for name, kind, some in (
        ("coverage", "single", every),
        ("paired", "paired", usual),  # as it was first published
        ("difference", "paired", every),
        ("kept", "kept", every),
        ("folded", "covered", lines.get("folded", [])),
        ("separation", "covered", lines.get("separation", [])),
        ("regions", "covered", lines.get("regions", [])),
    ):
        if values := [line[kind] for line in some if kind in line]:
            figures |= {f"{name}_min": min(values), f"{name}_max": max(values)}
            figures[f"{name}_median"] = median(values)
    for scale in ("logit", "plain"):
        some = [line for line in lines.get("tails", ()) if line["scale"] == scale]
        for level in tails.FAILING if some else ():
            figures[f"fail_{level}_{scale}_max"] = max(line["fail"][str(level)] for line in some)
        if some:
            figures[f"pass_{scale}_max"] = max(line["pass"] for line in some)
    return figures


def _intervals(replicates: int) -> Iterator[dict[str, Any]]:
    return (intervals.covered(cell, replicates, _SEED) for cell in intervals.cells())


PARTS: dict[str, in_parts.Part] = {  # what runs, and its replicates with and without --quick
    "intervals": (_intervals, 1_000, 10_000),
    "tails": (lambda n: tails.realised(n, _SEED), 40_000, 400_000),
    "folded": (lambda n: folded.covered(n, _SEED), 500, 5_000),
    "separation": (lambda n: separation.covered(n, _SEED), 200, 2_000),
    "regions": (lambda n: regions.covered(n, _SEED), 200, 2_000),
    "heavy": (lambda n: heavy.covered(n, _SEED), 500, 5_000),
}
