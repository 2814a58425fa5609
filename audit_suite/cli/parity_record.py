"""`audit-suite parity record`: golden files of the release pipeline, for check O3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import parity


@parity.command("record")
def record_golden(
    model: Annotated[Path, typer.Argument(metavar="MODEL_CARD", help="The model's card.")],
    images: Annotated[
        list[Path], typer.Option(metavar="FILE...", help="Image files: one or more.")
    ],
    function: Annotated[
        str,
        typer.Option(
            help="The release's preprocessing, FILE.py:NAME or PACKAGE.MODULE:NAME: takes an "
            "image's path, returns the array that enters the model. It is run."
        ),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(hidden=True, help="More image files.")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("golden.safetensors"),
) -> None:
    """Record what the release pipeline makes of some images, and compare the card with it."""
    from audit_suite.cards import load_model_card
    from audit_suite.evidence.golden_files import advise, difference, read_golden
    from audit_suite.evidence.golden_record import record
    from audit_suite.registry import load_extensions

    load_extensions()
    card = load_model_card(model)
    spec = record(card, [*images, *(more or [])], function, out)  # `--images *.png` fills both
    golden = read_golden(card, spec)
    gap = difference(golden, card.input)
    typer.echo(f"{out}: {len(golden)} arrays of shape {golden[0][-1].shape}")
    typer.echo(f"add to {model}, instead of what it says of parity:\n\n[parity]")
    for key, value in spec.model_dump(mode="json").items():
        typer.echo(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    typer.echo(f"\nlargest difference from the audit's input: {gap:.2g}")
    if gap > spec.tolerance:
        typer.echo(f"O3 will fail; {advise(golden, card.input)}")
