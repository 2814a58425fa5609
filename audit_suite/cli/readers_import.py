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
    out: Annotated[Path, typer.Option(help="File for the readings; give it to --audit-readings.")],
    pack: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of packs, as `readers export` wrote it, its key beside it (DIR.key.json); "
            "repeatable: readers of several packs are merged."
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="A key that lies elsewhere; repeatable.", show_default="DIR.key.json"),
    ] = None,
    short_washout: Annotated[
        bool,
        typer.Option(help="Take answers that were given sooner than the wash-out days allow."),
    ] = False,
    replace: Annotated[
        bool, typer.Option(help="Let a reader's new answers replace those imported before.")
    ] = False,
) -> None:
    """Check readers' answers against the key and merge them into one file of readings.

    Name the packs by `--pack`, or their keys by `--key`.
    """
    from audit_suite.errors import AuditError
    from audit_suite.plausibility.importing import import_answers

    keys = [*(folder.with_name(f"{folder.name}.key.json") for folder in pack or ()), *(key or ())]
    if not keys:
        raise AuditError(
            "`readers import` was given neither --pack nor --key, so answers cannot be checked",
            "name the folder that `readers export` wrote: --pack DIR",
        )
    _, lines = import_answers(answers, keys, out, replace=replace, short_washout=short_washout)
    for line in lines:
        typer.echo(line)
    typer.echo(f"readings: {out}")
