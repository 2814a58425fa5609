"""What commands register themselves on; heavy modules are imported inside the commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

root = typer.Typer(
    help="Audit medical-image models. The audit itself is `pytest --audit`; these commands prepare "
    "it and work on its record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich breaks the paragraphs of a help text at each line of the source
)

readers = typer.Typer(
    help="Reader studies: packs out, answers in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
root.add_typer(readers, name="readers")

parity = typer.Typer(
    help="Preprocessing: is the audit's the same as the release's?",
    no_args_is_help=True,
    rich_markup_mode=None,
)
root.add_typer(parity, name="parity")

region = typer.Typer(
    help="Regions of interest without mask files.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
root.add_typer(region, name="region")

policy = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
root.add_typer(policy, name="policy")

RecordFile = Annotated[Path, typer.Argument(metavar="AUDIT_JSON", help="The record, audit.json.")]


class Device(StrEnum):
    """Where models run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


DeviceOption = Annotated[Device, typer.Option(help="Where models run.")]
