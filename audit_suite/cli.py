"""The command `audit-suite`: what is done beside `pytest --audit`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
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

readers = typer.Typer(help="Reader studies: packs out, answers in.", no_args_is_help=True)
app.add_typer(readers, name="readers")


@app.callback()
def _group() -> None:
    """Keep commands named, also while there are few."""


@app.command()
def render(
    audit_json: Annotated[Path, typer.Argument(help="the record, audit.json")],
    out: Annotated[Path, typer.Option(help="the HTML file to write")],
    signoff: Annotated[
        Path | None, typer.Option(help="the sign-off (signoff.json beside the record)")
    ] = None,
) -> None:
    """Write the HTML report of a record, with its sign-off if there is one."""
    from audit_suite.record import load_record
    from audit_suite.report import write_report
    from audit_suite.signoff import sign_off_of

    record = load_record(audit_json)
    problems = write_report(record, out, sign_off_of(audit_json, signoff))
    typer.echo(f"report: {out}")
    for problem in problems:
        typer.echo(f"audit-suite: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def sign(
    audit_json: Annotated[Path, typer.Argument(help="the record, audit.json")],
    name: Annotated[str, typer.Option(help="who signs")],
    role: Annotated[str, typer.Option(help="as what, e.g. 'consultant radiologist'")],
    decision: Annotated[str, typer.Option(help="accepted, 'accepted with conditions' or rejected")],
    remarks: Annotated[str, typer.Option(help="conditions, reasons")] = "",
) -> None:
    """Sign a record: who decided what on it, bound to its bytes, in signoff.json beside it."""
    from audit_suite.record import load_record
    from audit_suite.signoff import sign as write

    load_record(audit_json)
    path = write(audit_json, name, role, decision, remarks, datetime.now(UTC).date())
    typer.echo(f"sign-off: {path}")


@app.command()
def summary(
    audit_json: Annotated[Path, typer.Argument(help="the record, audit.json")],
) -> None:
    """Print a Markdown summary of a record, for the page of a CI job."""
    from audit_suite.record import load_record
    from audit_suite.report import render_markdown

    typer.echo(render_markdown(load_record(audit_json)), nl=False)


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


@readers.command("export")
def export_packs(
    model: Annotated[Path, typer.Option(help="model card: its scores choose the cases")],
    dataset: Annotated[Path, typer.Option(help="data set card: its images are read")],
    out: Annotated[Path, typer.Option(help="folder to make, with one pack a reader")],
    key: Annotated[
        Path | None, typer.Option(help="the key's file, not for readers (OUT.key.json)")
    ] = None,
    masking: Annotated[
        list[str] | None,
        typer.Option(help="what is read, repeatable (full, only-roi, without-roi-box)"),
    ] = None,
    number: Annotated[int, typer.Option("--readers", min=1, max=50, help="how many readers")] = 1,
    precision: Annotated[
        float, typer.Option(min=0.03, max=0.4, help="half width of a reader's AUROC interval")
    ] = 0.15,
    repeats: Annotated[
        float, typer.Option(min=0, max=1, help="share of images shown twice, unannounced")
    ] = 0.1,
    maps: Annotated[
        str | None, typer.Option(help="explainer whose maps are rated too, e.g. gradient")
    ] = None,
    title: Annotated[str, typer.Option(help="on the pack's first page")] = "Reading study",
    evidence: Annotated[Path, typer.Option(help="folder of stored evidence")] = Path(
        ".audit-evidence"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="decides cases and order")] = 1907,
) -> None:
    """Choose cases by the model's score and make blinded reading packs of them."""
    from audit_suite.cards import load_dataset_card, load_model_card
    from audit_suite.evidence import EvidenceSource, EvidenceStore, choose_profile
    from audit_suite.maskings import Masking
    from audit_suite.plausibility.exporting import MASKINGS, Design, export

    source = EvidenceSource(EvidenceStore(evidence), choose_profile(device, None, seed))
    design = Design(
        maskings=tuple(dict.fromkeys(Masking.parse(id) for id in masking or MASKINGS)),
        readers=number,
        precision=precision,
        repeats=repeats,
        maps=maps,
        title=title,
        seed=seed,
    )
    key = key or out.with_name(f"{out.name}.key.json")
    made = export(
        load_model_card(model), load_dataset_card(dataset), design, source, out, key, typer.echo
    )
    typer.echo(f"{len(made.items)} items a reader; open {out}/reader-1/index.html in a browser")
    typer.echo(f"key, not for readers: {key}")


@readers.command("import")
def import_readings(
    answers: Annotated[list[Path], typer.Argument(help="files that packs exported")],
    key: Annotated[Path, typer.Option(help="the study's key")],
    out: Annotated[Path, typer.Option(help="the readings, for --audit-readings")],
    replace: Annotated[
        bool, typer.Option(help="let a reader's new answers replace those imported")
    ] = False,
) -> None:
    """Check readers' answers and merge them into one file of readings."""
    from audit_suite.plausibility.importing import import_answers

    _, told = import_answers(answers, key, out, replace=replace)
    for line in told:
        typer.echo(line)
    typer.echo(f"readings: {out}")


def main() -> None:
    """Run the command line; a user's mistake is two lines and exit code 2, never a traceback."""
    try:
        app()
    except AuditError as error:
        print(f"audit-suite: {error}", file=sys.stderr)
        sys.exit(2)
