"""`audit-suite github`: a record on the pages of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def github(
    audit_json: RecordFile,
    report: Annotated[
        Path | None,
        typer.Option(help="The HTML report, for the outputs.", show_default=False),
    ] = None,
    comment: Annotated[
        Path | None,
        typer.Option(
            help="Write the text of a comment on a pull request here.", show_default=False
        ),
    ] = None,
) -> None:
    """Show a record on the pages of GitHub Actions, from a step of a job.

    The step gets the job summary, at most ten annotations, and the outputs decision, reason,
    record, report and comment. The decision is `none` where the record is missing or was altered;
    the command then ends in 2. It never fails for what the audit decided: that is up to
    `audit-suite verify`, in a step of its own.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.errors import AuditError
    from audit_suite.exports.github import Annotation, Step, annotated
    from audit_suite.exports.github import comment as comment_on
    from audit_suite.files import write_whole

    step = Step.of(os.environ)
    try:
        record = load_verified(audit_json)
    except AuditError as error:
        step.give({"decision": "none", "reason": error.what})
        step.say(f"## No audit to rely on\n\n{error.what.replace('<', '&lt;')}\n")
        typer.echo(Annotation("error", "No audit to rely on", str(error)).command())
        raise
    step.show(record)
    for annotation in annotated(record):
        typer.echo(annotation.command())
    files = {"record": audit_json}
    if report is not None and report.exists():
        files["report"] = report
    if comment is not None:
        write_whole(comment, comment_on(record, step.run).encode())
        files["comment"] = comment
    decided = {"decision": record.decision, "reason": record.decision_reason}
    step.give(decided | {name: str(path) for name, path in files.items()})
