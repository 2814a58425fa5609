"""`audit-suite readers plan`: how many images readers must read."""

from __future__ import annotations

from typing import Annotated

import typer

from audit_suite.cli.root import readers


@readers.command("plan")
def plan_readers(
    number: Annotated[int, typer.Option("--readers", min=3, max=50, help="Number of readers.")] = 5,
    groups: Annotated[
        int,
        typer.Option(
            min=1, max=10, help="Groups that read images of their own (a split-plot design)."
        ),
    ] = 1,
    margin: Annotated[
        float, typer.Option(min=0.005, max=0.5, help="What the model may be ahead of the readers.")
    ] = 0.05,
    difference: Annotated[
        float, typer.Option(min=-0.5, max=0.5, help="What it is ahead of them in truth.")
    ] = 0.0,
    power: Annotated[float, typer.Option(min=0.5, max=0.99, help="Chance to show it.")] = 0.8,
    auroc: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="AUROC of the readers on these images.")
    ] = 0.8,
    between: Annotated[
        float,
        typer.Option(min=0, max=0.3, help="Standard deviation of the readers' true AUROCs."),
    ] = 0.03,
    alike: Annotated[
        float, typer.Option(min=0, max=0.99, help="Correlation of two readers' AUROCs.")
    ] = 0.5,
    with_model: Annotated[
        float,
        typer.Option(min=0, max=0.99, help="The same of a reader and the model."),
    ] = 0.4,
) -> None:
    """Say how many images show that the model is not ahead of the readers by a margin (H2).

    Replace the defaults by figures of a pilot: between readers above all. Exit code 1 if no number
    of images is enough.
    """
    from audit_suite.planning.reader_study import (
        LEVEL,
        ReaderStudy,
        positives_needed,
        precision_of,
    )

    study = ReaderStudy(number, groups, auroc, difference, between, alike, with_model)
    images = positives_needed(study, margin, power)
    design = "all read all" if groups == 1 else f"{groups} groups with images of their own"
    typer.echo(f"{number} readers, {design}; margin {margin:g}, one-sided {LEVEL:g}")
    if images is None:
        typer.echo(
            f"no number of images gives a chance of {power:.0%}: readers differ too much "
            f"({between:g}); ask more readers"
        )
        raise typer.Exit(1)
    typer.echo(
        f"{images} images with the finding and {images} without, read by each reader under each "
        f"masking, give a chance of {power:.0%}; {2 * images * groups} images in all"
    )
    packs = f"--precision {precision_of(images):.3f} --readers {number // groups}"
    typer.echo(f"audit-suite readers export {packs} ...")
    if groups > 1:
        typer.echo(f"{groups} times, each with another --seed, --out and --key")
