"""The command line of `benchmarks/coverage.py`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from covering import folded, heavy, intervals, regions, separation, tails

_SEED = 1907


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for, print their lines, write the figures."""
    options = _options(arguments)
    started = time.monotonic()
    lines: dict[str, list[dict[str, Any]]] = {}
    for part in options.part or PARTS:
        run, quick, full = PARTS[part]
        lines[part] = []
        for line in run(options.replicates or (quick if options.quick else full)):
            lines[part].append(line)
            print(f"{part}: {' '.join(f'{k}={_text(v)}' for k, v in line.items())}", flush=True)
    figures = summary(lines) | {"seconds": round(time.monotonic() - started, 1)}
    print("\n".join(f"{name}: {_text(value)}" for name, value in figures.items()))
    if options.json:
        text = json.dumps({**figures, "lines": lines}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


def summary(lines: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Lowest and highest coverage of each kind of interval, and the worst realised levels."""
    found: dict[str, Any] = {}
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
            found |= {f"{name}_min": min(values), f"{name}_max": max(values)}
            found[f"{name}_median"] = median(values)
    for scale in ("logit", "plain"):
        some = [line for line in lines.get("tails", ()) if line["scale"] == scale]
        for level in tails.FAILING if some else ():
            found[f"fail_{level}_{scale}_max"] = max(line["fail"][str(level)] for line in some)
        if some:
            found[f"pass_{scale}_max"] = max(line["pass"] for line in some)
    return found


def _intervals(replicates: int) -> Iterator[dict[str, Any]]:
    return (intervals.covered(cell, replicates, _SEED) for cell in intervals.cells())


Part = tuple[Callable[[int], Iterator[dict[str, Any]]], int, int]
PARTS: dict[str, Part] = {  # what runs, and its replicates with and without --quick
    "intervals": (_intervals, 1_000, 10_000),
    "tails": (lambda n: tails.realised(n, _SEED), 40_000, 400_000),
    "folded": (lambda n: folded.covered(n, _SEED), 500, 5_000),
    "separation": (lambda n: separation.covered(n, _SEED), 200, 2_000),
    "regions": (lambda n: regions.covered(n, _SEED), 200, 2_000),
    "heavy": (lambda n: heavy.covered(n, _SEED), 500, 5_000),
}


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Coverage of intervals, and levels of tests")
    parser.add_argument("--quick", action="store_true", help="a tenth of the replicates, or less")
    parser.add_argument("--part", action="append", choices=PARTS, default=[], help="this alone")
    parser.add_argument("--replicates", type=int, help="of each cell")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)
