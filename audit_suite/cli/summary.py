"""`audit-suite summary`: a record in Markdown."""

from __future__ import annotations

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def summary(audit_json: RecordFile) -> None:
    """Print a Markdown summary of a record.

    It fits the summary page of a CI job.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.report import render_markdown

    typer.echo(render_markdown(load_verified(audit_json)), nl=False)
