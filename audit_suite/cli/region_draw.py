"""`audit-suite region draw`: a region for all images, drawn on their mean or given by numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit_suite.cli.root import region

if TYPE_CHECKING:
    from audit_suite.datasets.mask_formats.drawn import DrawnSpec

_FEW = 20  # patients below which a mean may still show one of them


@region.command()
def draw(
    card: Annotated[Path, typer.Argument(help="Data set card; its images are read.")],
    name: Annotated[str, typer.Option(help="The region's name, for example lungs.")],
    out: Annotated[
        Path, typer.Option(help="File for the card's lines; page and preview lie beside it.")
    ] = Path("region.toml"),
    rectangle: Annotated[
        str | None, typer.Option(help="Edges as fractions of the frame: LEFT,TOP,RIGHT,BOTTOM.")
    ] = None,
    polygon: Annotated[
        str | None, typer.Option(help='Corners as fractions of the frame: "X,Y X,Y X,Y ...".')
    ] = None,
    images: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many images the mean is of, at most.")
    ] = 200,
) -> None:
    """Draw one region for all images of a data set.

    Without numbers, this writes a page that opens in a browser, without a server: it shows the mean
    image, and gives the lines for the card once a rectangle or polygon is drawn. With --rectangle
    or --polygon it prints these lines, and writes them and a preview.
    """
    from audit_suite.cards.dataset import load_undrawn_card
    from audit_suite.cards.names import fault_of_region
    from audit_suite.datasets import load_dataset
    from audit_suite.errors import AuditError
    from audit_suite.files import write_whole
    from audit_suite.pictures.mean_image import mean_image
    from audit_suite.pictures.region_page import preview, region_lines, region_page
    from audit_suite.registry import load_extensions

    if fault := fault_of_region(name):
        raise AuditError(f"--name: {fault}", "choose another name")
    spec = _spec(rectangle, polygon)
    load_extensions()
    mean = mean_image(load_dataset(load_undrawn_card(card)), images)
    if spec is None:
        page = out.with_suffix(".html")
        write_whole(page, region_page(name, mean, out.name).encode())
        typer.echo(f"open {page} in a browser, draw, and put the lines into {card}")
    else:
        lines = region_lines(name, spec)
        write_whole(out, lines.encode())
        write_whole(out.with_suffix(".png"), preview(spec, mean))
        typer.echo(lines, nl=False)
        typer.echo(f"# {out} holds these lines; {out.with_suffix('.png')} shows the region")
    if mean.patients < _FEW:
        typer.echo(
            f"# the mean of {mean.images} images of {mean.patients} patients may still show one of "
            f"them: keep it as you keep the images",
            err=True,
        )


def _spec(rectangle: str | None, polygon: str | None) -> DrawnSpec | None:
    """The region that the options give; None if they give none."""
    from pydantic import ValidationError

    from audit_suite.datasets.mask_formats.drawn import DrawnSpec
    from audit_suite.errors import AuditError

    if rectangle is None and polygon is None:
        return None
    try:
        return DrawnSpec.model_validate(
            {
                "format": "drawn",
                "rectangle": None if rectangle is None else _numbers(rectangle),
                "polygon": None if polygon is None else list(map(_numbers, polygon.split())),
            }
        )
    except (ValidationError, ValueError) as error:
        fault = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise AuditError(
            f"--rectangle or --polygon: {str(fault).removeprefix('Value error, ')}",
            "write fractions from 0 to 1, such as --rectangle 0.1,0.2,0.9,0.8 or "
            '--polygon "0.1,0.2 0.9,0.2 0.5,0.9"',
        ) from None


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
