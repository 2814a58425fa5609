"""The command line: every part of this folder, one after the other, in one flat JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import engine


def parts() -> list[str]:
    """The modules of this folder that measure: those with a function ``figures``."""
    names = sorted(module.name for module in pkgutil.iter_modules(engine.__path__))
    return [name for name in names if name != "cli" and hasattr(_module(name), "figures")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=engine.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller images")
    parser.add_argument("--part", action="append", choices=parts(), help="only this, repeatable")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here")
    chosen = parser.parse_args(arguments)
    console = Console()
    collected: dict[str, float] = {}
    for name in chosen.part or parts():
        start = time.monotonic()
        figures = _module(name).figures(chosen.quick)
        table = Table(f"{name} ({time.monotonic() - start:.0f} s)", platform.processor() or "value")
        for figure, value in figures.items():
            table.add_row(figure, f"{value:.4g}")
        console.print(table)
        collected |= figures
        if chosen.json:  # after each part: a run that is ended keeps what it has
            chosen.json.write_text(json.dumps(collected, indent=1) + "\n", encoding="utf-8")


def _module(name: str):
    return importlib.import_module(f"engine.{name}")
