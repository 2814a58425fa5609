"""`audit-suite schema`: the JSON Schema of the record."""

from __future__ import annotations

import json

import typer

from audit_suite.cli.root import root


@root.command()
def schema() -> None:
    """Print the JSON Schema of the record, audit.json."""
    from audit_suite.record import Record

    typer.echo(json.dumps(Record.model_json_schema(), indent=1))
