"""The command `audit-suite`: what is done beside `pytest --audit`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.errors import AuditError

app = typer.Typer(
    help="Audit harness for medical-image models. The audit itself is `pytest --audit`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """Keep commands named, also while there are few."""


@app.command()
def render(
    audit_json: Annotated[Path, typer.Argument(help="the record, audit.json")],
    out: Annotated[Path, typer.Option(help="the HTML file to write")],
) -> None:
    """Write the HTML report of a record."""
    from audit_suite.record import read_record
    from audit_suite.report import write_report

    write_report(read_record(audit_json), out)
    typer.echo(f"report: {out}")


@app.command()
def summary(
    audit_json: Annotated[Path, typer.Argument(help="the record, audit.json")],
) -> None:
    """Print a Markdown summary of a record, for the page of a CI job."""
    from audit_suite.record import read_record
    from audit_suite.report import render_markdown

    typer.echo(render_markdown(read_record(audit_json)), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the record."""
    from audit_suite.record import Record

    typer.echo(json.dumps(Record.model_json_schema(), indent=1))


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="the recipe (TOML)")],
    out: Annotated[Path | None, typer.Option(help="folder for what is made")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="models of a study at once")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for a study")] = "auto",
) -> None:
    """Train the models of a recipe; a study that was interrupted goes on."""
    from audit_suite.training import StudyRecipe, load_recipe, train_reference, train_study

    read = load_recipe(recipe)
    if isinstance(read, StudyRecipe):
        for path in train_study(read, out, typer.echo, jobs, device):
            typer.echo(f"card: {path}")
    else:
        for path in train_reference(read, out, typer.echo):
            typer.echo(f"weights: {path}")


def main() -> None:
    """Run the command line; a user's mistake is two lines and exit code 2, never a traceback."""
    try:
        app()
    except AuditError as error:
        print(f"audit-suite: {error}", file=sys.stderr)
        sys.exit(2)
