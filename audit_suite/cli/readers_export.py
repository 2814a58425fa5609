"""`audit-suite readers export`: packs of masked images for readers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import Device, DeviceOption, readers

_TIMEOUT = 300.0  # seconds after which a model that finishes no batch has hung


@readers.command("export")
def export_packs(
    model: Annotated[Path, typer.Option(help="Model card; the model's scores choose the cases.")],
    dataset: Annotated[Path, typer.Option(help="Data set card; its images are read.")],
    out: Annotated[Path, typer.Option(help="Folder to create, with one pack per reader.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="File for the key. Keep it from the readers.", show_default="OUT.key.json"
        ),
    ] = None,
    masking: Annotated[
        list[str] | None,
        typer.Option(
            help="Masking under which images are read; repeatable.",
            show_default="full, only-roi, without-roi-box",
        ),
    ] = None,
    number: Annotated[int, typer.Option("--readers", min=1, max=50, help="Number of readers.")] = 1,
    precision: Annotated[
        float,
        typer.Option(
            min=0.03, max=0.4, help="Half width of the 95 % interval of one reader's AUROC."
        ),
    ] = 0.15,
    repeats: Annotated[
        float, typer.Option(min=0, max=1, help="Share of images shown twice, unannounced.")
    ] = 0.1,
    maps: Annotated[
        str | None,
        typer.Option(help="Explainer whose maps readers rate as well, for example gradient."),
    ] = None,
    washout: Annotated[
        int,
        typer.Option(min=0, max=365, help="Days that the page waits from one sitting to the next."),
    ] = 14,
    title: Annotated[str, typer.Option(help="Title on the first page.")] = "Reading study",
    evidence: Annotated[Path, typer.Option(help="Folder of stored evidence.")] = Path(
        ".audit-evidence"
    ),
    device: DeviceOption = Device.AUTO,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of the choice of cases and their order.")
    ] = 1907,
) -> None:
    """Choose cases by the model's scores and write one blinded reading pack per reader.

    A pack opens in a browser, without a server.
    """
    from audit_suite.cards import load_dataset_card, load_model_card
    from audit_suite.evidence import EvidenceSource, EvidenceStore, choose_profile
    from audit_suite.maskings import Masking
    from audit_suite.plausibility.exporting import MASKINGS, Design, export
    from audit_suite.registry import EXECUTORS, load_extensions

    load_extensions()
    profile = choose_profile(device.value, None, seed)
    executor = EXECUTORS["process"](_TIMEOUT)
    source = EvidenceSource(EvidenceStore(evidence), profile, executor=executor)
    design = Design(
        maskings=tuple(dict.fromkeys(Masking.parse(id) for id in masking or MASKINGS)),
        readers=number,
        precision=precision,
        repeats=repeats,
        maps=maps,
        washout_days=washout,
        title=title,
        seed=seed,
    )
    key = key or out.with_name(f"{out.name}.key.json")
    with closing(source):
        made = export(
            load_model_card(model), load_dataset_card(dataset), design, source, out, key, typer.echo
        )
    typer.echo(f"{len(made.items)} items per reader; open {out}/reader-1/index.html in a browser")
    typer.echo(f"key, not for readers: {key}")
