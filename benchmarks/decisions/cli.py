"""The command line of `benchmarks/decisions.py`."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from decisions import cells, phantom_pools, real_pools
from decisions.binormal import Design
from decisions.drawn import curves
from decisions.looks import look
from decisions.pools import Pool
from decisions.tables import page, three

PARTS = ("binormal", "pools", "looks")
_LOOKED = (
    (0.0, 1500, 0.1),
    (0.25, 1500, 0.1),
    (0.28, 1500, 0.1),
    (0.33, 1500, 0.1),
    (0.33, 500, 0.3),
)
_SEED = 20261126


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate the parts that are asked for, print lines as they come, write the page."""
    options = _options(arguments)
    started = time.monotonic()
    figures: dict[str, Any] = {"command": _command(options), "seed": options.seed}
    for part in options.part or PARTS:
        figures[part] = []
        for line in _PARTS[part](options):
            figures[part].append(json.loads(json.dumps(line)))
            print(_short(line), flush=True)
    figures["seconds"] = round(time.monotonic() - started, 1)
    if options.json:
        _write(options.json, json.dumps(figures, indent=1) + "\n")
    if options.out:
        picture = curves(figures.get("binormal", []))
        if picture:
            _write(options.out.with_suffix(".svg"), picture)
        _write(options.out, page(figures, options.out.stem + ".svg" if picture else ""))


def _binormal(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for design in cells.designs():
        if not options.quick or (design.auroc, design.prevalence) == (0.9, 0.3):
            yield cells.simulated(design, options.replicates, options.seed)


def _pools(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for pool in _scored(options):
        for patients, prevalence in itertools.product(cells.PATIENTS, (0.1, 0.3)):
            if not options.quick or patients == 500:
                yield cells.drawn(pool, patients, prevalence, options.replicates, options.seed)


def _scored(options: argparse.Namespace) -> Iterator[Pool]:
    if options.stored:
        yield from map(Pool.load, sorted(options.pools.glob("*.npz")))
        return
    yield from phantom_pools.pools(options.pools)
    if os.environ.get("AUDIT_REAL_DATA"):
        yield from real_pools.pools(options.pools)
    else:
        print("real images are left out: AUDIT_REAL_DATA does not name their folder")


def _looks(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for kept, patients, prevalence in _LOOKED:
        looked = look(Design(0.9, kept, patients, prevalence), options.replicates, options.seed)
        yield {**vars(looked.design), **{k: v for k, v in vars(looked).items() if k != "design"}}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


_PARTS = {"binormal": _binormal, "pools": _pools, "looks": _looks}


def _short(line: dict[str, Any]) -> str:
    name = line.get("pool", f"AUROC {line['auroc']:.2f}, keeps {line['kept']}")
    place = f"{line['patients']:5d} patients, {line['prevalence']:.0%}"
    if "freely" in line:
        return f"{name}, {place}: {line['freely']:.2f}; declared {line['declared']}"
    return f"{name}, {place}: {three(line)}, planned {line['planned']:.2f}"


def _command(options: argparse.Namespace) -> str:
    words = ["python benchmarks/decisions.py"]
    words += [f"--part {part}" for part in options.part]
    words += ["--quick"] if options.quick else []
    return " ".join([*words, f"--replicates {options.replicates}", f"--seed {options.seed}"])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Operating characteristics of the default rules")
    parser.add_argument("--quick", action="store_true", help="a tenth of the cells")
    parser.add_argument(
        "--part", action="append", choices=PARTS, default=[], help="this part alone"
    )
    parser.add_argument("--replicates", type=int, default=400, help="test sets of each cell")
    parser.add_argument("--seed", type=int, default=_SEED, help="decides the test sets")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--out", type=Path, help="write the page (.md) here")
    parser.add_argument(
        "--stored", action="store_true", help="use the score sets that are there, make no others"
    )
    parser.add_argument(
        "--pools",
        type=Path,
        default=Path("reports/out/decisions"),
        help="folder of score sets; what is missing is made",
    )
    return parser.parse_args(arguments)
