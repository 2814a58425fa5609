"""The command line of simulations that run in parts, each a number of replicates of some cells."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Part = tuple[Callable[[int], Iterator[Line]], int, int]
"""What runs, given its replicates, and these with and without --quick."""
Clock = tuple[str, Callable[[], float]]
"""What its seconds are called among the figures, and the clock."""


def run(
    parts: Mapping[str, Part],
    summary: Callable[[dict[str, list[Line]]], dict[str, Any]],
    arguments: Sequence[str] | None,
    *,
    what: str,
    quick: str,
    clock: Clock,
    digits: int,
) -> None:
    """Run the parts that are asked for, print their lines, write the figures.

    Args:
        parts: By name.
        summary: Makes figures of the lines by part.
        arguments: Of the command; None for those of the process.
        what: What is simulated, for the help.
        quick: How many replicates --quick takes, for the help.
        clock: Measures the run.
        digits: Of the numbers that are printed.
    """
    options = _options(arguments, parts, what, quick)
    name, now = clock
    started = now()
    lines: dict[str, list[Line]] = {}

    def text(value: object) -> str:
        return format(value, f".{digits}g") if isinstance(value, float) else str(value)

    for part in options.part or parts:
        simulate, few, many = parts[part]
        lines[part] = []
        for line in simulate(options.replicates or (few if options.quick else many)):
            lines[part].append(line)
            print(f"{part}: {' '.join(f'{k}={text(v)}' for k, v in line.items())}", flush=True)
    figures = summary(lines) | {name: round(now() - started, 1)}
    print("\n".join(f"{key}: {text(value)}" for key, value in figures.items()))
    if options.json:
        content = json.dumps({**figures, "lines": lines}, indent=1)
        options.json.write_text(content + "\n", encoding="utf-8")


def _options(
    arguments: Sequence[str] | None, parts: Mapping[str, Part], what: str, quick: str
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--part", action="append", choices=parts, default=[], help="this alone")
    parser.add_argument("--replicates", type=int, help="of each cell")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)
