"""ChestX-ray14 (Wang et al., CVPR 2017): the releases of 2017 and 2020, masks by CheXmask."""

from __future__ import annotations

import re
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters.chexmask import REGIONS, read_chexmask
from audit_suite.datasets.adapters.common import (
    file_of,
    folder_of,
    labels_of,
    pick,
    require_classes,
    require_regions,
)
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.entries import Entry, Problems, build
from audit_suite.datasets.tables import Row, read_rows, require_columns
from audit_suite.errors import AuditError

_CLASSES = {
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "No Finding",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
}
_NAME = re.compile(r"\d{8}_\d{3}\.png")
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
    folder = folder_of(card, "images")
    places = _places(folder)
    entries = []
    for row in rows:
        name = row.values["Image Index"]
        regions, quality = masks.get(name, ({}, None))
        classes = row.values["Finding Labels"].split("|")
        if not _CLASSES.issuperset(classes):
            problems.add(f"row {row.number}, column 'Finding Labels': is no list of its classes")
        if not row.values["Patient ID"]:
            problems.add(f"row {row.number}, column 'Patient ID': the patient is missing")
        entries.append(
            Entry(
                row=row.number,
                where=f"row {row.number}, column 'Image Index'",
                image=places.get(name, folder / name),
                id=name,
                patient=row.values["Patient ID"],
                labels=labels_of(card, classes),
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
    path = file_of(card, "test_list")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise AuditError(f"{path} is no UTF-8 text file", "correct 'files.test_list'") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _NAME.fullmatch(line.strip()):  # cut off, it would be of training
            raise AuditError(
                f"{path} row {number}: is no name of an image", "restore it from the published file"
            )
    return {line.strip() for line in lines}


def _metadata(row: Row) -> dict[str, str]:
    """Ages are "58" or "058Y"; months and days count as 0, impossible ones as unknown."""
    age = re.fullmatch(r"0*(\d+)([YMD]?)", row.values.get("Patient Age", ""))
    years = ""
    if age is not None:
        number = int(age[1]) if age[2] in ("", "Y") else 0
        years = str(number) if number <= _OLDEST else ""
    return {
        "age": years,
        "sex": row.values.get("Patient Gender") or row.values.get("Patient Sex", ""),
        "view": row.values.get("View Position", ""),
    }
