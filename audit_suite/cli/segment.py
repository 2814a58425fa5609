"""`audit-suite segment`: masks by a segmentation model of the user's own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import Device, DeviceOption, root

_TIMEOUT = 300.0  # seconds after which a model that finishes no image has hung


@root.command()
def segment(
    dataset: Annotated[Path, typer.Argument(metavar="DATA_CARD", help="The data set's card.")],
    model: Annotated[
        Path,
        typer.Option("--with", metavar="MODEL_CARD", help="Card with task = 'segmentation'."),
    ],
    region: Annotated[
        list[str], typer.Option(help="Channel of the output to keep, by its target; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to create for the masks and their tables.")],
    device: DeviceOption = Device.AUTO,
) -> None:
    """Make masks with a segmentation model and print the lines for the data set card.

    The model runs in a process of its own, and its code only if its card says trusted = true. The
    folder gets one PNG per image and region, named by the image's row; masks.csv, with the quality
    of each; for the reader 'manifest' also manifest.csv, the data set's table with these columns.
    """
    from tempfile import TemporaryDirectory

    from audit_suite.cards import load_dataset_card, load_model_card
    from audit_suite.evidence import EvidenceSource, EvidenceStore, choose_profile
    from audit_suite.registry import EXECUTORS, load_extensions
    from audit_suite.segmentation.writing import write_masks

    load_extensions()
    model_card, dataset_card = load_model_card(model), load_dataset_card(dataset)
    profile = choose_profile(device.value, None, 1907)
    with TemporaryDirectory() as folder:
        store = EvidenceStore(Path(folder))  # nothing is kept in it
        executor = EXECUTORS["process"](_TIMEOUT)
        with closing(EvidenceSource(store, profile, executor=executor)) as source:
            regions = list(dict.fromkeys(region))
            lines = write_masks(model_card, dataset_card, regions, source, out, typer.echo)
    typer.echo(f"\nFor {dataset} (also in {out / 'card-lines.toml'}):\n\n{lines}")
