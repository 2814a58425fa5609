"""`audit-suite readers import`: readers' answers in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import readers


@readers.command("import")
def import_readings(
    answers: Annotated[
        list[Path], typer.Argument(help="Files that readers saved from their pack.")
    ],
    key: Annotated[Path, typer.Option(help="The study's key, as `readers export` wrote it.")],
    out: Annotated[Path, typer.Option(help="File for the readings; give it to --audit-readings.")],
    replace: Annotated[
        bool, typer.Option(help="Let a reader's new answers replace those imported before.")
    ] = False,
) -> None:
    """Check readers' answers against the key and merge them into one file of readings."""
    from audit_suite.plausibility.importing import import_answers

    _, lines = import_answers(answers, key, out, replace=replace)
    for line in lines:
        typer.echo(line)
    typer.echo(f"readings: {out}")
