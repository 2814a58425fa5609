"""`audit-suite doctor`: what is wrong with cards, before an audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit_suite.cli.root import root

if TYPE_CHECKING:
    from audit_suite.doctor.diagnosis import Diagnosis, Seen


@root.command()
def doctor(
    cards: Annotated[list[Path], typer.Argument(help="Model cards and data set cards.")],
    json: Annotated[
        Path | None, typer.Option(help="Write all of it to this file too.", show_default=False)
    ] = None,
    pictures: Annotated[
        Path, typer.Option(help="Folder for pictures of what the models are shown.")
    ] = Path("doctor"),
    evidence: Annotated[Path, typer.Option(help="Folder of stored evidence.")] = Path(
        ".audit-evidence"
    ),
) -> None:
    """Say all that is wrong with a model and its data, and try the model on a few images.

    Nothing is audited: 16 images of each class are read, shown to the model and drawn on a sheet.
    Exit code 1 means that something is wrong.
    """
    from audit_suite.doctor.examine import examine
    from audit_suite.files import write_whole
    from audit_suite.registry import load_extensions

    load_extensions()
    diagnosis = examine(cards, pictures, evidence, lambda line: typer.echo(line, err=True))
    _show(diagnosis)
    if json is not None:
        write_whole(json, diagnosis.model_dump_json(indent=1).encode() + b"\n")
    raise typer.Exit(1 if diagnosis.wrong else 0)


def _show(diagnosis: Diagnosis) -> None:
    from audit_suite.audit.policy import load_policy
    from audit_suite.planning.words import beside

    for note in diagnosis.notes:
        typer.echo(f"note   {note}")
    for word, symptoms in (("WRONG", diagnosis.wrong), ("look", diagnosis.look)):
        for symptom in symptoms:
            typer.echo(f"{word:6} {symptom.what}")
            typer.echo(f"       -> {symptom.remedy}")
    for seen in diagnosis.seen:
        for line in _seen(seen):
            typer.echo(line)
    if diagnosis.seen and (more := beside([kind.model_dump() for kind in load_policy().targets])):
        typer.echo(f"  {more}")
    for picture in diagnosis.pictures:
        typer.echo(f"what the model is shown: {picture}")
    count = len(diagnosis.wrong)
    typer.echo(f"{count} thing{'s' * (count != 1)} to correct" if count else "nothing is wrong")


def _seen(seen: Seen) -> list[str]:
    from audit_suite.evidence.meter import in_words
    from audit_suite.planning.words import chance, number

    forecast = seen.forecast
    kept = ", ".join(map(str, forecast.closed_if_shortcut))
    closes = ", ".join(map(chance, forecast.closed_if_shortcut.values()))
    claim = "" if seen.claim is None else f", claimed {seen.claim:g}"
    return [
        "",
        f"{seen.model} on {seen.dataset}, {seen.target}",
        f"  AUROC {seen.auroc} on {seen.images} images{claim}",
        f"  the whole audit takes {in_words(seen.seconds)} on this machine, about",
        f"  {forecast.patients:,} patients, {forecast.positives:,} with the finding: the gate "
        f"opens for an honest model of this skill with a chance of "
        f"{chance(forecast.open_if_honest)}",
        f"  it closes with a chance of {closes} where a background keeps {kept} % of the skill; "
        f"{number(forecast.patients_for_80)} patients would open it for an honest model with 80%",
    ]
