"""The command line: options, the pool of workers, and progress."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from audit_suite.errors import AuditError
from detection.auditing import Asked, AuditFailedError, Row, asked_for, instrument, run_batch
from detection.figures import search_figures, summarise
from detection.gating import gate_figures
from detection.grid import (
    KINDS,
    NUMBERS,
    Kind,
    Setting,
    fresh,
    full_run,
    gate_run,
    quick_run,
    search_run,
)
from detection.outcomes import outcome_figures
from detection.packs import ROOT, load_packs, with_contributed
from detection.results import Results
from detection.rules import frozen_rules
from detection.tables import show, write_calibration

_WIDTH = 150  # of tables in a file or a pipe, whose width is unknown
_BATCH = 8  # models per audit: they share its start-up, and an interruption loses only these
_QUICK_BATCH = 4
_GATE_BATCH = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, print the tables, write the figures."""
    options = _options(arguments)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    load_packs()
    try:
        kinds = with_contributed(KINDS, options.kind)
    except AuditError as error:
        sys.exit(str(error))
    if options.gate:
        settings = gate_run(kinds, options.quick)
    elif options.search:
        settings = search_run(options.quick)
    else:
        settings = (quick_run if options.quick else full_run)(kinds)
    try:
        settings = fresh(settings, options.first_seed)
    except ValueError as error:
        sys.exit(f"--first-seed: {error}")
    if options.only:
        settings = [setting for setting in settings if setting.kind in options.only]
    asked = asked_for(options.gate, options.search)
    own = instrument(asked.suites)
    results = Results(options.results, None if options.any_instrument else own)
    started = time.monotonic()
    try:
        batch = _GATE_BATCH if options.gate else _QUICK_BATCH if options.quick else _BATCH
        run(settings, kinds, results, own, asked, options.workers, batch, console)
    except KeyboardInterrupt:
        sys.exit(f"interrupted; results so far are in {options.results}: run again to continue")
    except AuditFailedError as error:
        sys.exit(f"{error}\nResults so far are in {options.results}.")
    rows = results.of(settings)
    show(console, rows, kinds)
    figures = summarise(rows, kinds) | outcome_figures(rows, kinds)
    figures |= gate_figures(rows, kinds, NUMBERS) | search_figures(rows, kinds)
    figures |= frozen_rules(options.first_seed, figures)
    figures["seconds"] = round(time.monotonic() - started, 1)
    figures["core_seconds"] = round(sum(row.seconds for row in rows if row.first), 1)
    for name, value in figures.items():
        text = "-" if value is None else value if isinstance(value, str) else format(value, ".4g")
        console.print(f"{name}: {text}", highlight=False)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.out:
        command = " ".join(["python benchmarks/detection.py", *_repeating(options)])
        write_calibration(options.out, rows, kinds, figures, command, asked.suites)


def run(
    settings: Sequence[Setting],
    kinds: Mapping[str, Kind],
    results: Results,
    own: str,
    asked: Asked,
    workers: int,
    batch: int,
    console: Console,
) -> None:
    """Run the models that have no result yet, and store each batch when it is done.

    Args:
        settings: The models.
        kinds: The kinds of the run.
        results: Where results are kept.
        own: Digest of the package's code (`instrument`).
        asked: What the audits ask.
        workers: Processes; 0 runs everything in this one.
        batch: Models per audit.
        console: Where progress is shown.
    """
    missing = results.missing(settings)
    if kept := len(settings) - len(missing):
        console.print(f"{kept} of {len(settings)} models already have results")
    batches = [missing[start : start + batch] for start in range(0, len(missing), batch)]
    columns = (
        TextColumn("models"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    began, done = time.monotonic(), 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("models", total=len(missing))
        for rows in _finished(batches, kinds, own, asked, workers):
            results.add(rows)
            count = len({row.key for row in rows})
            done += count
            progress.advance(task, count)
            if not console.is_terminal:
                spent = time.monotonic() - began
                left = spent / done * (len(missing) - done)
                console.print(
                    f"{done}/{len(missing)} models, {spent:.0f} s, about {left:.0f} s left"
                )


def _finished(
    batches: Sequence[Sequence[Setting]],
    kinds: Mapping[str, Kind],
    own: str,
    asked: Asked,
    workers: int,
) -> Iterator[list[Row]]:
    """Rows of batches as they finish; a batch that fails ends the run."""
    one = partial(run_batch, kinds=kinds, own=own, asked=asked)
    if not workers:
        yield from map(one, batches)
        return
    context = multiprocessing.get_context("spawn")  # a forked torch may hang
    with (
        # the parent removes what a worker could not: it may be stopped between any two steps
        tempfile.TemporaryDirectory(prefix="detection-", ignore_cleanup_errors=True) as folder,
        context.Pool(workers, _stop_cleanly, (folder,)) as pool,  # leaving it stops the workers
    ):
        yield from pool.imap_unordered(one, batches)
        pool.close()  # workers that have finished need no stopping
        pool.join()


def _stop_cleanly(folder: str) -> None:
    """Keep temporary files in a folder; let the parent alone handle Ctrl-C; end by an exception.

    The exception ends the audit that a worker has started in a process of its own.
    """
    tempfile.tempdir = folder

    def leave(*_: object) -> NoReturn:
        raise SystemExit

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how often audit-suite is wrong.")
    parser.add_argument(
        "--quick", action="store_true", help="34 models, 9 of --gate, 8 of --search"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--search",
        action="store_true",
        help="count confirmed counterexamples (X3) of 100 honest models and 100 that read a marker",
    )
    what.add_argument(
        "--gate",
        action="store_true",
        help="count gate decisions under the default policy, over patients, prevalences and worlds",
    )
    parser.add_argument(
        "--first-seed",
        type=int,
        default=0,
        metavar="N",
        help="add N to every seed: new patients and models (seeds below 1,000 were seen while the "
        "rules were made)",
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--out", type=Path, help="write the calibration here (.csv, .json, .md)")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="NAME",
        help="add a shortcut that a pack in plugins/contrib registers, repeatable",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this kind, repeatable"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=ROOT / "reports" / "out" / "detection" / "results.jsonl",
        help="file of results, which an interrupted run continues (%(default)s)",
    )
    parser.add_argument(
        "--any-instrument",
        action="store_true",
        help="also use results of another version of the package's code",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    options = parser.parse_args(arguments)
    if options.out and options.out.suffix not in (".csv", ".json", ".md"):
        parser.error("--out: the file must end in .csv, .json or .md")
    return options


def _repeating(options: argparse.Namespace) -> list[str]:
    """The options that determine the result."""
    words = [f"--{name}" for name in ("gate", "search", "quick") if getattr(options, name)]
    words += [f"--first-seed {options.first_seed}"] if options.first_seed else []
    for name in ("kind", "only"):
        words += [f"--{name} {value}" for value in getattr(options, name)]
    return words
