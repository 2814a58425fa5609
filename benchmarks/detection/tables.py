"""The tables for the terminal, and the calibration table as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from detection.auditing import WANTED, Row
from detection.figures import (
    VERDICTS,
    Share,
    blocked,
    calibration,
    causes_named,
    eligible,
    inconclusive,
    naively_blocked,
    right_cause,
    share,
)
from detection.gating import DECISIONS, gate_table
from detection.grid import Kind

_EXPECTED = "bold green"


def show(console: Console, rows: Sequence[Row], kinds: Mapping[str, Kind]) -> None:
    """Print truth x verdict, truth x cause, verdicts by size, and the naive rule's errors."""
    console.print(_verdicts([row for row in rows if row.first], kinds))
    counted = [row for row in rows if eligible(row, kinds)]
    if any(row.causes is not None for row in rows):
        console.print(_causes(counted, kinds))
    else:
        console.print("No suite of this release names causes; that table is left out.")
    console.print(_gates(rows, kinds))
    console.print(_sizes(rows))
    console.print(_naive(counted, kinds))


def write_calibration(
    path: Path,
    rows: Sequence[Row],
    kinds: Mapping[str, Kind],
    figures: Mapping[str, Any],
    command: str,
    suites: Sequence[str] = WANTED,
) -> None:
    """Write the calibration table.

    Args:
        path: ``.json`` (with figures and command), ``.csv`` (the table alone) or ``.md`` (a page).
        rows: The results.
        kinds: The kinds of the run.
        figures: The figures (`summarise`).
        command: The command that repeats the run.
        suites: What the models were audited with.
    """
    lines = calibration(rows, kinds)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        content = {
            "command": command,
            "audit_suite": version("audit-suite"),
            "instruments": sorted({row.instrument for row in rows}),
            "figures": dict(figures),
            "table": lines,
            "gate": gate_table(rows, kinds),
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return
    if path.suffix == ".md":
        path.write_text(
            "\n".join(_page(lines, rows, kinds, figures, command, suites)) + "\n",
            encoding="utf-8",
        )
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]) if lines else [])
        writer.writeheader()
        writer.writerows(lines)


def _page(
    lines: Sequence[Mapping[str, Any]],
    rows: Sequence[Row],
    kinds: Mapping[str, Kind],
    figures: Mapping[str, Any],
    command: str,
    suites: Sequence[str],
) -> Iterator[str]:
    """The table for the documentation, in Markdown."""
    yield "# How often is audit-suite wrong?"
    yield ""
    own = [line for line in lines if line["own"]]
    yield (
        f"{sum(line['models'] for line in own)} small networks, trained on synthetic images with a "
        f"planted truth, each audited with the suites {', '.join(suites)}. Blocked: a check of "
        f"region-sensitivity failed. Eligible: the test set has 90 % power to show |AUROC - .5| < "
        f".05, and a shortcut outside the region or in its position has strength .9 or more. "
        f"Measured with audit-suite {version('audit-suite')} by"
    )
    yield ""
    yield f"    {command}"
    yield ""
    yield "| figure | share | 95 % interval |"
    yield "|---|---|---|"
    for name, value in figures.items():
        if f"{name}_low" in figures and value is not None:
            low, high = figures[f"{name}_low"], figures[f"{name}_high"]
            yield f"| {name} | {value:.3f} | {low:.3f} to {high:.3f} |"
    yield ""
    yield from _history(figures)
    yield from _gate_page(rows, kinds)
    yield "## By truth and strength"
    yield ""
    yield "| truth | strength | patients | models | blocked | inconclusive | pass | naive rule |"
    yield "|---|---|---|---|---|---|---|---|"
    for line in lines:
        yield (
            f"| {kinds[line['truth']].note} | {line['strength']:g} | {line['patients']} | "
            f"{line['models']} | {line['fail']} | {line['inconclusive']} | {line['pass']} | "
            f"{line['naively_blocked']} |"
        )
    yield ""
    yield "## Causes named"
    yield ""
    slugs = [key.removeprefix("named_") for key in lines[0] if key.startswith("named_")]
    yield f"| truth | strength | models | expected | right | {' | '.join(slugs)} |"
    yield f"|{'---|' * (5 + len(slugs))}"
    for line in own:
        counts = " | ".join(str(line[f"named_{slug}"]) for slug in slugs)
        yield (
            f"| {line['truth']} | {line['strength']:g} | {line['models']} | "
            f"{line['expected_cause'] or 'none'} | {line['right_cause']} | {counts} |"
        )


def _history(figures: Mapping[str, Any]) -> Iterator[str]:
    """Which rules, which seeds, and what was published before."""
    yield "## Rules and seeds"
    yield ""
    yield (
        f"Rules of commit {(figures.get('rules_commit') or 'unknown')[:12]} "
        f"({figures.get('rules_date') or 'date unknown'}"
        f"{'; edited since' if figures.get('rules_edited') else ''}). "
    )
    fresh = figures.get("seeds_fresh")
    yield (
        f"Seeds from {fresh} on, which nobody had seen when the rules were frozen."
        if fresh
        else "Seeds below 1,000, which were seen while the rules were made: the figures flatter."
    )
    yield ""
    yield (
        "History of the share of causes that were right: .885 before the rules were changed on the "
        "630 worlds of the first seeds, .965 after, on the same worlds. On fresh seeds of the same "
        "kinds it was .94 of 70, and on nine kinds that nobody had tuned .70 of 54."
    )
    yield ""


def _gate_page(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Iterator[str]:
    yield "## Gate decisions under the default policy"
    yield ""
    yield (
        "Each target of a model counts. Planned: the mean chance to open that `audit-suite plan` "
        "gives, from the model's AUROC on its largest test set, if nothing is kept. Failed: checks "
        "that failed for the first target, of any role."
    )
    yield ""
    heads = (
        "truth",
        "strength",
        "world",
        "prevalence",
        "patients",
        *DECISIONS,
        "planned",
        "failed",
    )
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for line in gate_table(rows, kinds):
        counts = " | ".join(str(line[decision]) for decision in DECISIONS)
        failed = ", ".join(f"{check} {count}" for check, count in line["failed_checks"].items())
        planned = "" if line["planned_open"] is None else f"{line['planned_open']:.2f}"
        yield (
            f"| {line['truth']} | {line['strength']:g} | {line['world'] or 'usual'} | "
            f"{line['prevalence']:.0%} | {line['patients']:,} | {counts} | {planned} | {failed} |"
        )
    yield ""


def _gates(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Table:
    table = Table(title="Gate decisions under the default policy (by target)")
    for name in ("truth", "strength", "world", "prevalence", "patients", *DECISIONS, "planned"):
        table.add_column(name, justify="left" if name in ("truth", "world") else "right")
    for line in gate_table(rows, kinds):
        planned = line["planned_open"]
        table.add_row(
            line["truth"],
            f"{line['strength']:g}",
            line["world"] or "usual",
            f"{line['prevalence']:.0%}",
            str(line["patients"]),
            *(str(line[decision]) for decision in DECISIONS),
            "" if planned is None else f"{planned:.2f}",
        )
    return table


def _by_kind(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> dict[str, list[Row]]:
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in kinds}
    return {kind: some for kind, some in by_kind.items() if some}


def _verdicts(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Table:
    table = Table(title="Truth and verdict (all strengths, the model's own test set)")
    table.add_column("truth", no_wrap=True)
    for name in ("models", *VERDICTS):
        table.add_column("blocked" if name == "fail" else name, justify="right")
    table.add_column("eligible", justify="right")
    table.add_column("blocked of them", justify="right")
    for kind, some in _by_kind(rows, kinds).items():
        counts = [sum(row.verdict == verdict for row in some) for verdict in VERDICTS]
        stopped = share([row for row in some if eligible(row, kinds)], blocked)
        table.add_row(kind, *map(str, (len(some), *counts, stopped.of)), _text(stopped))
    return table


def _causes(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Table:
    table = Table(title="Truth and named causes (eligible models; several may be named)")
    wanted = {kind.cause for kind in kinds.values() if kind.cause}
    slugs = sorted(wanted | set(causes_named(rows)))
    table.add_column("truth", no_wrap=True)
    table.add_column("models", justify="right")
    for slug in (*slugs, "none named"):
        table.add_column(slug.replace("-", "\n").replace(" ", "\n"), justify="right")
    table.add_column("right", justify="right", no_wrap=True)
    for kind, some in _by_kind(rows, kinds).items():
        cells = []
        for slug in slugs:
            count = str(sum(slug in (row.causes or ()) for row in some))
            cells.append(f"[{_EXPECTED}]{count}[/]" if slug == kinds[kind].cause else count)
        expected = kinds[kind].cause is not None
        right = _text(share(some, lambda row: right_cause(row, kinds))) if expected else ""
        none = str(sum(not row.causes for row in some))
        table.add_row(kind, str(len(some)), *cells, none, right)
    return table


def _sizes(rows: Sequence[Row]) -> Table:
    table = Table(title="Honest models by number of patients")
    for name in ("patients", "models", "blocked", "inconclusive"):
        table.add_column(name, justify="right")
    honest = [row for row in rows if row.kind == "honest"]
    for size in sorted({row.size for row in honest}):
        some = [row for row in honest if row.size == size]
        stopped, open_ = share(some, blocked), share(some, inconclusive)
        table.add_row(str(size), str(len(some)), _text(stopped), _text(open_))
    return table


def _naive(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Table:
    table = Table(title='Naive rule: "AUROC without the ROI is significantly above .5" (eligible)')
    table.add_column("truth", no_wrap=True)
    for name in ("models", "audit blocks", "naive rule blocks"):
        table.add_column(name, justify="right")
    for group in dict.fromkeys(kind.group for kind in kinds.values()):
        some = [row for row in rows if kinds[row.kind].group == group]
        if some:
            stopped, naive = share(some, blocked), share(some, naively_blocked)
            table.add_row(group, str(len(some)), _text(stopped), _text(naive))
    return table


def _text(measured: Share) -> str:
    if measured.value is None:
        return "-"
    return f"{measured.value:.2f} [{measured.low:.2f}, {measured.high:.2f}]"
