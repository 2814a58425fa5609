"""`audit-suite init`: first cards of one's own model and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import root


@root.command()
def init(
    model: Annotated[str, typer.Option(help="The model: a file, a folder, or file.py:function.")],
    images: Annotated[Path, typer.Option(help="Folder of the images.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Table with one row per image.", show_default="a folder of images per class"
        ),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help="Network of a checkpoint, such as torchvision:resnet18.")
    ] = "",
    masks: Annotated[
        Path | None, typer.Option(help="Folder or file of masks.", show_default="no masks")
    ] = None,
    patient: Annotated[
        list[str] | None, typer.Option(help="Column that identifies the patient; repeatable.")
    ] = None,
    label: Annotated[str, typer.Option(help="Column of the label.")] = "",
    target: Annotated[str, typer.Option(help="What is audited, for example pneumonia.")] = "",
    region: Annotated[str, typer.Option(help="What the masks show, for example lungs.")] = "region",
    outputs: Annotated[
        str, typer.Option(help="Every output of the model in its order, separated by commas.")
    ] = "",
    size: Annotated[str, typer.Option(help="Input: 224, or 320x256 (height x width).")] = "",
    resize: Annotated[
        str, typer.Option(help="How images come to it: pad, stretch, crop or short-side.")
    ] = "",
    mean: Annotated[str, typer.Option(help="Means of the channels, separated by commas.")] = "",
    std: Annotated[str, typer.Option(help="Standard deviations, likewise.")] = "",
    out: Annotated[Path, typer.Option(help="Folder to write the cards to.")] = Path("audit"),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; assume what is likely.")] = False,
) -> None:
    """Look at a model and a folder of images, and write a first model card and data set card.

    Says what it assumed; `audit-suite doctor` then tries the cards on a few images.
    """
    from audit_suite.starting.answers import Answers
    from audit_suite.starting.data_card import DataOptions
    from audit_suite.starting.model_card import ModelOptions, numbers, parse_size
    from audit_suite.starting.toml_lines import slug
    from audit_suite.starting.write import write_cards

    answers = Answers(None if yes else lambda question, likely: str(_prompt(question, likely)))
    written = write_cards(
        ModelOptions(
            model=model,
            architecture=architecture,
            outputs=tuple(slug(name) for name in outputs.split(",") if name.strip()),
            size=parse_size(size) if size else None,
            resize=resize,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
        ),
        DataOptions(
            images=images,
            labels=labels,
            patient=tuple(patient or ()),
            label=label,
            target=target,
            masks=masks,
            region=region,
        ),
        out,
        answers,
    )
    for line in answers.assumed:
        typer.echo(f"assumed  {line}")
    for path in written.files:
        typer.echo(f"wrote    {path}")
    typer.echo("next:")
    for command, remark in written.next:
        typer.echo(f"  {command}" + (f"    # {remark}" if remark else ""))


def _prompt(question: str, likely: str) -> str:
    return str(typer.prompt(question, default=likely, show_default=bool(likely)))
