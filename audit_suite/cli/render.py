"""`audit-suite render`: the HTML report of a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def render(
    audit_json: RecordFile,
    out: Annotated[Path, typer.Option(help="The HTML file to write: the report in one file.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write the report to as well, as index.html with its style sheet and "
            "pictures in files: for servers such as Jenkins, which block what is inside a page."
        ),
    ] = None,
    signoff: Annotated[
        Path | None,
        typer.Option(help="The sign-off file.", show_default="signoff.json beside the record"),
    ] = None,
) -> None:
    """Write the HTML report of a record.

    Its sign-off is shown at the head if there is one. Exit code 1 if a report section of an
    extension could not be shown; the rest is written.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.report import write_folder, write_report
    from audit_suite.signoff import sign_off_of

    record = load_verified(audit_json)
    signed = sign_off_of(audit_json, signoff)
    problems = write_report(record, out, signed)
    typer.echo(f"report: {out}")
    if folder is not None:
        write_folder(record, folder, signed)
        typer.echo(f"report as a folder: {folder}")
    for problem in problems:
        typer.echo(f"audit-suite: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
