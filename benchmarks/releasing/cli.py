"""The command line of `benchmarks/releases.py`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from decisions.binormal import Design
from decisions.looks import DECLARED, look
from releasing.losses import families, intervals, shown

_SEED = 1907


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for, print their lines, write the figures."""
    options = _options(arguments)
    started = time.process_time()
    lines: dict[str, list[dict[str, Any]]] = {}
    for part in options.part or PARTS:
        run, quick, full = PARTS[part]
        lines[part] = []
        for line in run(options.replicates or (quick if options.quick else full), _SEED):
            lines[part].append(line)
            print(f"{part}: {' '.join(f'{k}={_text(v)}' for k, v in line.items())}", flush=True)
    figures = summary(lines) | {"cpu_seconds": round(time.process_time() - started, 1)}
    print("\n".join(f"{name}: {_text(value)}" for name, value in figures.items()))
    if options.json:
        text = json.dumps({**figures, "lines": lines}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


def summary(lines: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The worst realised levels, the powers that differ most, and what looks let through."""
    found: dict[str, Any] = {}
    for how in ("paired", "apart"):
        losses = lines.get("losses", [])
        for name, loss in (("false", 0.05), ("none", 0.0), ("power_08", 0.08), ("power_12", 0.12)):
            values = [line[how] for line in losses if line["loss"] == loss]
            if values:
                pick = max if loss <= 0.05 else min
                found[f"{how}_{name}"] = pick(values)
        if some := [line[how] for line in lines.get("families", [])]:
            found[f"{how}_family_max"] = max(some)
    if some := lines.get("intervals", []):
        found["covered_min"] = min(line["covered"] for line in some)
        found["width_by_bootstrap_min"] = min(line["width_by_bootstrap"] for line in some)
        found["width_by_bootstrap_max"] = max(line["width_by_bootstrap"] for line in some)
    for line in lines.get("looks", []):
        for key in ("freely", *(f"declared_{m}" for m in DECLARED), "first_1", "first_5"):
            found[f"looks_{round(100 * line['kept'])}_{key}"] = line[key]
    return found


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


PARTS: dict[str, tuple[Callable[[int, int], Iterator[dict[str, Any]]], int, int]] = {
    "losses": (shown, 100, 600),  # what runs, and its replicates with and without --quick
    "families": (families, 60, 400),
    "intervals": (intervals, 100, 400),
    "looks": (_looks, 20, 100),
}


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Comparisons of releases, simulated")
    parser.add_argument("--quick", action="store_true", help="a sixth of the replicates, or less")
    parser.add_argument("--part", action="append", choices=PARTS, default=[], help="this alone")
    parser.add_argument("--replicates", type=int, help="of each cell")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)
