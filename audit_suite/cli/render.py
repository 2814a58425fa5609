"""`audit-suite render`: the HTML report of a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def render(
    audit_json: RecordFile,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")],
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
    from audit_suite.report import write_report
    from audit_suite.signoff import sign_off_of

    record = load_verified(audit_json)
    problems = write_report(record, out, sign_off_of(audit_json, signoff))
    typer.echo(f"report: {out}")
    for problem in problems:
        typer.echo(f"audit-suite: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
