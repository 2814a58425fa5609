"""`audit-suite train`: the models of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import Device, DeviceOption, root


@root.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="The recipe (TOML).")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="as the recipe says")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Models trained at the same time.", show_default="one per core"),
    ] = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Train the models of a recipe.

    A recipe makes reference models or a masking study. A study that was interrupted continues where
    it stopped. --jobs and --device are for studies; reference models are trained one after the
    other on the CPU.
    """
    from audit_suite.registry import load_extensions
    from audit_suite.training import StudyRecipe, load_recipe, train_reference, train_study

    load_extensions()
    read = load_recipe(recipe)
    if isinstance(read, StudyRecipe):
        for path in train_study(read, out, typer.echo, jobs, device.value):
            typer.echo(f"card: {path}")
    else:
        for path in train_reference(read, out, typer.echo):
            typer.echo(f"weights: {path}")
