"""`audit-suite plan`: what some data could decide, before an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import root


@root.command()
def plan(
    cards: Annotated[list[Path], typer.Argument(help="Data set cards and model cards.")],
    json: Annotated[
        Path | None, typer.Option(help="Write all of it to this file too.", show_default=False)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="File of the policy.", show_default="the default policy")
    ] = None,
    evidence: Annotated[
        Path, typer.Option(help="Folder of stored evidence, to measure instead of to assume.")
    ] = Path(".audit-evidence"),
    auroc: Annotated[
        float | None,
        typer.Option(
            help="AUROC to plan for.", show_default="as measured, as claimed, or four usual ones"
        ),
    ] = None,
) -> None:
    """Say what these data could decide about a model, and how many patients it takes.

    Patients are counted from the cards; no image is decoded and nothing is audited. Without a model
    card the plan is for models with AUROCs of .80, .85, .90 and .95.
    """
    import shutil

    from audit_suite.audit.prospects import plan_cards
    from audit_suite.doctor.cards import read_cards
    from audit_suite.errors import AuditError
    from audit_suite.files import write_whole
    from audit_suite.planning.words import in_lines
    from audit_suite.registry import load_extensions

    if auroc is not None and not 0.5 < auroc < 1:
        raise AuditError(f"--auroc={auroc:g} is not above .5 and below 1", "name the AUROC wanted")
    load_extensions()
    read = read_cards(cards)
    for symptom in read.symptoms:
        raise AuditError(symptom.what, symptom.remedy)
    if not read.datasets:
        raise AuditError(
            "no card of a data set is named: patients are counted from it",
            "add the card of the data, as in `audit-suite plan model.toml data.toml`",
        )
    made = plan_cards(read.models, read.datasets, policy, evidence, auroc)
    if json is not None:
        write_whole(json, made.model_dump_json(indent=1).encode() + b"\n")
    for line in in_lines(made, shutil.get_terminal_size().columns):
        typer.echo(line)
