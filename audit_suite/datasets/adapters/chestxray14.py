"""ChestX-ray14 (Wang et al., CVPR 2017): the releases of 2017 and 2020, masks by CheXmask."""

from __future__ import annotations

import re
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters.chexmask import REGIONS, read_chexmask
from audit_suite.datasets.adapters.common import (
    file_of,
    labels_of,
    pick,
    require_classes,
    require_regions,
)
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.entries import Entry, Problems, build
from audit_suite.datasets.tables import Row, read_rows, require_columns

_OLDEST = 120  # years; the list holds ages such as 414


def read_chestxray14(card: DatasetCard) -> Dataset:
    """Read ChestX-ray14: ``files.labels``, ``images``, and optionally ``masks`` and ``test_list``.

    With ``test_list`` (the published test_list.txt) rows are of the split ``test`` or ``train``.

    Raises:
        AuditError: If a file is missing or not as published; names file and row.
    """
    path = file_of(card, "labels")
    rows = read_rows(path, "'files.labels'", ragged=True)
    require_columns(card, path, rows, "Image Index", "Finding Labels", "Patient ID")
    require_classes(
        card, path, {name for row in rows for name in row.values["Finding Labels"].split("|")}
    )
    problems = Problems(card, path)
    masks = {}
    if "masks" in card.files:
        require_regions(card, REGIONS)
        masks = read_chexmask(file_of(card, "masks"), {row.values["Image Index"] for row in rows})
    tested = _test_list(card)
    places = _places(file_of(card, "images"))
    entries = []
    for row in rows:
        name = row.values["Image Index"]
        regions, quality = masks.get(name, ({}, None))
        for column in ("Finding Labels", "Patient ID"):
            if not row.values[column]:
                problems.add(f"row {row.number}, column '{column}': is missing")
        entries.append(
            Entry(
                row=row.number,
                where=f"row {row.number}, column 'Image Index'",
                image=places.get(name, file_of(card, "images") / name),
                id=name,
                patient=row.values["Patient ID"],
                labels=labels_of(card, row.values["Finding Labels"].split("|")),
                metadata=pick(card, _metadata(row)),
                regions=regions,
                quality=quality,
                split="" if tested is None else "test" if name in tested else "train",
            )
        )
    return build(card, entries, problems, published=True)


def _places(folder: Path) -> dict[str, Path]:
    """Files by name: all in one folder, or in images_001/images to images_012/images."""
    parts = sorted(folder.glob("images_*/images")) or [folder]
    return {file.name: file for part in parts for file in part.iterdir()}


def _test_list(card: DatasetCard) -> set[str] | None:
    if "test_list" not in card.files:
        return None
    return set(file_of(card, "test_list").read_text(encoding="utf-8").split())


def _metadata(row: Row) -> dict[str, str]:
    """Ages are "58" or "058Y"; months, days and impossible ones count as unknown or 0."""
    age = re.fullmatch(r"0*(\d+)([YMD]?)", row.values.get("Patient Age", ""))
    years = ""
    if age is not None:
        number = int(age[1]) if age[2] in ("", "Y") else 0
        years = str(number) if number <= _OLDEST else ""
    return {
        "age": years,
        "sex": row.values.get("Patient Gender", ""),
        "view": row.values.get("View Position", ""),
    }
