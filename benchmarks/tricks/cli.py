"""The command line: run the attempts, print the table, write the figures."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tricks import cards, kills, models, options, plugins, stored
from tricks.world import Attempt, Call, audit, gate, write_images, write_project

_CLASSES = (options, cards, plugins, models, stored, kills)
_QUICK = 2  # attempts of each class


def main(arguments: Sequence[str] | None = None) -> None:
    """Run them; exit code 1 if the gate opened, or does not open for the honest model."""
    chosen = _options(arguments)
    attempts = [attempt for module in _CLASSES for attempt in module.attempts()]
    if chosen.only:
        attempts = [attempt for attempt in attempts if chosen.only in attempt.kind]
    if chosen.quick:
        groups = groupby(attempts, key=lambda attempt: attempt.kind)
        attempts = [attempt for _, group in groups for attempt in list(group)[:_QUICK]]
    console, started = Console(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tricks-") as place:
        root = Path(place)
        opened = run(attempts, root, chosen.workers, console)
    tried = Counter(attempt.kind for attempt in attempts)
    table = Table("class", "tried", "held")
    for kind, number in tried.items():
        failed = sum(attempt.kind == kind for attempt in opened)
        table.add_row(kind, str(number), str(number - failed))
    console.print(table)
    figures = {"tried": len(attempts), "held": len(attempts) - len(opened)}
    figures["seconds"] = round(time.monotonic() - started, 1)
    console.print_json(data=figures)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if opened:
        raise SystemExit(1)


def run(attempts: Sequence[Attempt], root: Path, workers: int, console: Console) -> list[Attempt]:
    """The attempts that opened the gate.

    Args:
        attempts: What is tried.
        root: An empty folder.
        workers: How many are tried at a time.
        console: Where progress goes.

    Raises:
        SystemExit: If the gate does not open for the honest model, or the shortcut model passes
            without any trick.
    """
    images, evidence = root / "images", root / "evidence"
    write_images(images)
    honest = root / "honest"
    write_project(honest, images)
    if (code := audit(honest, Call(model="honest"), evidence)) != 0 or not gate(honest):
        raise SystemExit(f"the gate does not open for the honest model (exit code {code})")
    opened = (honest / "audit.json").read_text(encoding="utf-8")
    plain = root / "plain"
    write_project(plain, images)
    if (code := audit(plain, Call(), evidence)) != 1 or gate(plain):
        raise SystemExit(f"the shortcut model is not blocked (exit code {code})")

    def held(numbered: tuple[int, Attempt]) -> bool:
        number, attempt = numbered
        folder = root / f"attempt-{number}"
        write_project(folder, images)
        if attempt.beside_old_record:
            (folder / "audit.json").write_text(opened, encoding="utf-8")
        try:
            call = attempt.prepare(folder)
            code: int | str = audit(folder, call, evidence)
        except subprocess.TimeoutExpired:
            code = "timeout"
        shut = not gate(folder)
        console.print(f"{'held  ' if shut else 'OPENED'} {attempt.kind}: {attempt.name} ({code})")
        return shut

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(held, enumerate(attempts)))
    return [attempt for attempt, shut in zip(attempts, results, strict=True) if not shut]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Attempts to open the gate.")
    parser.add_argument("--quick", action="store_true", help="two attempts of each class")
    parser.add_argument("--only", help="one class", metavar="CLASS")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args(arguments)
