"""Write the masks of a segmentation model, a table of them, and the lines for the data set card."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.cards.chest import LUNGS_MEDIASTINUM, WHY_HULL, are_lungs
from audit_suite.datasets import Case, Dataset
from audit_suite.datasets.files.tables import read_rows
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.files import write_whole
from audit_suite.segmentation.quality import Quality, qualities
from audit_suite.segmentation.run import Segmented, segmented

QUALITY = "mask_quality"
_TOGETHER = 16  # images per answer of the model's process
_MINIMUM = 0.5  # quality at or below which the card's lines leave an image out

Made = dict[str, list[Segmented | None]]
"""Masks by region, one per image; None for an image that cannot be read."""


def write_masks(
    model: ModelCard,
    dataset: DatasetCard,
    regions: Sequence[str],
    source: EvidenceSource,
    out: Path,
    say: Callable[[str], None],
) -> str:
    """Segment a data set and write masks, tables and the lines for its card to a folder.

    Args:
        model: Card of a segmentation model.
        dataset: Card of the images.
        regions: Names among the model's targets.
        source: Data sets and executor.
        out: The folder; with the reader ``manifest`` below the data set's root.
        say: Called with a line of text now and then.

    Returns:
        The lines for the data set card (TOML).

    Raises:
        AuditError: If the card is not that of a segmentation model, a region is not among its
            targets, the folder is not empty or in the wrong place, or the model fails.
    """
    _require_segmenter(model, regions)
    _require_place(dataset, regions, out)
    images = source.dataset(dataset)
    digest, made = _segment(model, images, regions, source, say)
    measured = {name: _measured(masks) for name, masks in made.items()}
    files = {
        name: [_write_mask(out, name, case.row, one) for case, one in _pairs(images, made[name])]
        for name in regions
    }
    columns = _columns(regions, files, measured, out, dataset)
    _write_table(out / "masks.csv", _rows(images, columns))
    if dataset.reader == "manifest":
        _write_table(out / "manifest.csv", _joined(dataset, images, columns))
    lines = _card_lines(model, dataset, regions, digest, out)
    write_whole(out / "card-lines.toml", lines.encode())
    for name in regions:
        say(_summary(name, measured[name]))
    return lines


def _require_segmenter(model: ModelCard, regions: Sequence[str]) -> None:
    if model.task != "segmentation":
        raise AuditError(
            f"{model.path}: this is not the card of a segmentation model",
            'write task = "segmentation", and under targets one name per channel of the output '
            '(batch, channels, height, width), for example targets = ["lungs"]',
        )
    if model.folds:
        raise AuditError(
            f"{model.path}: key 'folds': masks are made by one set of weights",
            "name one file under 'weights'",
        )
    if unknown := [name for name in regions if name not in model.targets]:
        raise AuditError(
            f"--region {unknown[0]}: {model.path} names no such channel",
            f"its targets are: {', '.join(model.targets)}",
        )


def _require_place(dataset: DatasetCard, regions: Sequence[str], out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AuditError(f"--out {out} exists and is not empty", "name a new folder")
    if dataset.reader != "manifest":
        return
    root = dataset.resolve(dataset.root)
    if not out.resolve().is_relative_to(root):
        raise AuditError(
            f"--out {out} lies outside {root}, the root of the data set, whose card may name only "
            f"masks below it",
            f"write to a folder below it, for example --out {root / 'masks'}",
        )
    there = read_rows(root / (dataset.manifest or ""), "'root' and 'manifest'")[0].values
    if taken := [name for name in (*regions, QUALITY) if name in there]:
        raise AuditError(
            f"{dataset.path}: its manifest has a column '{taken[0]}' already",
            "rename or drop that column, or keep the masks that it names",
        )


def _segment(
    model: ModelCard,
    images: Dataset,
    regions: Sequence[str],
    source: EvidenceSource,
    say: Callable[[str], None],
) -> tuple[str, Made]:
    made: Made = {name: [] for name in regions}
    digest, count = "", len(images.cases)
    for start in range(0, count, _TOGETHER):
        indices = range(start, min(start + _TOGETHER, count))
        digest, masks = segmented(source, model, images.card, regions, indices)
        for name in regions:
            made[name] += [None if image is None else image[name] for image in masks]
        say(f"{indices.stop} of {count} images")
    return digest, made


def _measured(masks: Sequence[Segmented | None]) -> list[Quality | None]:
    measured = iter(qualities([one for one in masks if one is not None]))
    return [None if one is None else next(measured) for one in masks]


def _pairs(
    images: Dataset, masks: Sequence[Segmented | None]
) -> Iterator[tuple[Case, Segmented | None]]:
    return zip(images.cases, masks, strict=True)


def _write_mask(out: Path, region: str, row: int, one: Segmented | None) -> Path | None:
    """Write a mask, named by the row of its image: a file's name may name the patient."""
    if one is None:
        return None
    path = out / region / f"{row:06d}.png"
    write_whole(path, _png(one.mask))
    return path


def _png(mask: NDArray[np.bool_]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return buffer.getvalue()


def _columns(
    regions: Sequence[str],
    files: Mapping[str, Sequence[Path | None]],
    measured: Mapping[str, Sequence[Quality | None]],
    out: Path,
    dataset: DatasetCard,
) -> dict[str, list[str]]:
    """The columns about masks: file, parts, area and flags by region, and one quality."""
    base = dataset.resolve(dataset.root) if dataset.reader == "manifest" else out.resolve()
    columns: dict[str, list[str]] = {}
    for name in regions:
        columns[name] = [_relative(path, base) for path in files[name]]
        of = measured[name]
        columns[f"{name}_area"] = ["" if q is None else f"{q.area:.4f}" for q in of]
        columns[f"{name}_parts"] = ["" if q is None else str(q.parts) for q in of]
        columns[f"{name}_flags"] = ["unreadable" if q is None else " ".join(q.flags) for q in of]
    least = zip(*(measured[name] for name in regions), strict=True)
    columns[QUALITY] = [
        "" if None in each else f"{min(q.quality for q in each if q is not None):.4f}"
        for each in least
    ]
    return columns


def _relative(path: Path | None, base: Path) -> str:
    return "" if path is None else Path(os.path.relpath(path.resolve(), base)).as_posix()


def _rows(images: Dataset, columns: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """One row per image: its row in the data set, what the data set calls it, and its masks."""
    return [
        {"row": str(case.row), "image": case.id}
        | {name: values[number] for name, values in columns.items()}
        for number, case in enumerate(images.cases)
    ]


def _joined(
    dataset: DatasetCard, images: Dataset, columns: Mapping[str, Sequence[str]]
) -> list[dict[str, str]]:
    """The data set's own table with the columns about masks; empty where an image was not used."""
    path = dataset.resolve(dataset.root) / (dataset.manifest or "")
    numbers = {case.row: number for number, case in enumerate(images.cases)}
    joined = []
    for row in read_rows(path, "'root' and 'manifest'"):
        number = numbers.get(row.number)
        about = {n: "" if number is None else values[number] for n, values in columns.items()}
        joined.append({**row.values, **about})
    return joined


def _write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def _card_lines(
    model: ModelCard, dataset: DatasetCard, regions: Sequence[str], digest: str, out: Path
) -> str:
    """The same for the same model and data: they hold no date."""
    source = f"audit-suite segment: model '{model.name}' (SHA-256 {digest[:12]})"
    lines = [f"# Masks of {', '.join(regions)}, by {source}."]
    if dataset.reader == "manifest":
        table = _relative(out / "manifest.csv", dataset.resolve(dataset.root))
        lines += [f'manifest = "{table}"  # in place of the present line']
    else:
        lines += [f"# The reader '{dataset.reader}' takes no table of masks: see docs/data.md."]
    lungs = are_lungs(regions)
    roi = [LUNGS_MEDIASTINUM] if lungs else list(regions)
    lines += ["", "# Under [targets.NAME]:"]
    lines += [f"# roi = {json.dumps(roi)}" + (f"  # {WHY_HULL}" if lungs else "")]
    for name in regions:
        lines += ["", f"[regions.{name}]", f'column = "{name}"']
    if lungs:
        lines += ["", f"[regions.{LUNGS_MEDIASTINUM}]", 'format = "hull"']
        lines += [f"of = {json.dumps(list(regions))}"]
    lines += [
        "",
        "[mask_quality]",
        'rule = "drop"',
        f"minimum = {_MINIMUM}  # look at the images at or below it before you leave them out",
        f'column = "{QUALITY}"',
        f'source = "{source}"',
        "",
    ]
    return "\n".join(lines)


def _summary(name: str, measured: Sequence[Quality | None]) -> str:
    known = [quality for quality in measured if quality is not None]
    flags = [flag for quality in known for flag in quality.flags]
    counted = ", ".join(f"{flags.count(flag)} {flag}" for flag in ("empty", "parts", "area"))
    poor = sum(quality.quality <= _MINIMUM for quality in known)
    return (
        f"{name}: {len(known)} masks, {len(measured) - len(known)} unreadable images; flagged: "
        f"{counted}; quality at most {_MINIMUM}: {poor}"
    )
