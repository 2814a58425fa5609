"""The command line of `benchmarks/planted.py`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit_suite.errors import AuditError
from decisions.real_pools import FILMS, Shown, planted_films, read, with_planted
from planted.judging import Judged, audit
from planted.judging import read as read_record
from planted.making import make

_QUICK = ("planted-finding", "alone-burned_in_text")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make and audit what has no record yet, print lines as they come, write the page."""
    options = _options(arguments)
    if not os.environ.get("AUDIT_REAL_DATA"):
        sys.exit("AUDIT_REAL_DATA does not name the folder of the real images")
    try:
        judged = []
        for one in _all(options.films, options.records, options.quick):
            print(line(one), flush=True)
            judged.append(one)
    except AuditError as error:
        sys.exit(f"planted: {error}")
    if options.json:
        options.json.write_text(json.dumps([one._asdict() for one in judged], indent=1) + "\n")
    if options.out:
        options.out.write_text(page(judged), encoding="utf-8")


def _all(problem: str, folder: Path, quick: bool) -> Iterator[Judged]:
    records = folder / problem
    records.mkdir(parents=True, exist_ok=True)
    films: Shown | None = None
    as_it_is: Judged | None = None
    for name, truth, plant in planted_films(problem):
        path = records / f"{name}.json"
        if quick and name not in _QUICK:
            continue
        if not path.exists():
            films = films or read(problem)
            with tempfile.TemporaryDirectory(prefix="planted-") as place:
                card_name = name.replace("_", "-")
                cards = make(card_name, with_planted(truth, films, plant), Path(place))
                audit(*cards, path)
        one = read_record(name, truth, path, as_it_is)
        as_it_is = as_it_is or (one if plant is None else None)
        yield one


def line(one: Judged) -> str:
    """One model, as a row of a Markdown table."""
    auroc = "" if one.auroc is None else f"{one.auroc:.3f}"
    causes = ", ".join(one.causes) or "none"
    unknown = ", ".join(one.unknown) or "none"
    return (
        f"| {one.name} | {one.truth} | {auroc} | {one.decision} | {', '.join(one.fails) or 'none'} "
        f"| {one.expected or 'none'} | {causes} | {unknown} | {one.outcome.replace('_', ' ')} |"
    )


def page(judged: Sequence[Judged]) -> str:
    """All models as a Markdown table."""
    head = (
        "| planted | truth | AUROC | gate | checks that failed | cause expected | named | unknown "
        "| outcome |"
    )
    return "\n".join([head, "|---" * 9 + "|", *map(line, judged)]) + "\n"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Full audits of shortcuts planted into real films")
    parser.add_argument(
        "--films",
        choices=["pneumonia", "glaucoma"],
        default=FILMS,
        help="images of which problem: chest films or fundus photographs (%(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="two models")
    parser.add_argument("--json", type=Path, help="write what the audits say here")
    parser.add_argument("--out", type=Path, help="write the table (.md) here")
    parser.add_argument(
        "--records",
        type=Path,
        default=Path("reports/out/planted"),
        help="folder of records, by problem; what is there is not audited again",
    )
    return parser.parse_args(arguments)
