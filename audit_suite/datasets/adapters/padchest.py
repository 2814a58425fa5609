"""PadChest (Bustos et al., Medical Image Analysis 66, 2020), kept as Sourget et al. 2024 keep it.

Rows stay if the projection is frontal (PA, AP, AP_horizontal), labels are there, and none of them
is `suboptimal study`, `exclude` or `unchanged`. Reports are never read.
"""

from __future__ import annotations

import ast
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
from audit_suite.datasets.entries import Entry, Problems, build, is_there
from audit_suite.datasets.tables import Row, read_rows, require_columns
from audit_suite.errors import AuditError

_FRONTAL = ("PA", "AP", "AP_horizontal")
_LEFT_OUT = {"suboptimal study", "exclude", "unchanged"}


def read_padchest(card: DatasetCard) -> Dataset:
    """Read PadChest: ``files.labels``, ``images``, and optionally ``masks`` and ``invalid``.

    Raises:
        AuditError: If a file is missing or not as published; names file and row.
    """
    path = file_of(card, "labels")
    rows = read_rows(path, "'files.labels'")
    require_columns(card, path, rows, "ImageID", "ImageDir", "PatientID", "Projection", "Labels")
    problems = Problems(card, path)
    invalid = _invalid(card, {row.values["ImageID"] for row in rows})
    kept: list[tuple[Row, list[str]]] = []
    for row in rows:
        classes = _classes(path, row)
        if why := _left_out(row, classes, invalid):
            problems.leave_out(why)
        else:
            kept.append((row, classes))
    require_classes(card, path, (name for _, classes in kept for name in classes))
    masks = {}
    if "masks" in card.files:
        require_regions(card, REGIONS)
        wanted = {row.values["ImageID"] for row, _ in kept}
        masks = read_chexmask(file_of(card, "masks"), wanted)
    images = file_of(card, "images")
    entries = []
    for row, classes in kept:
        values = row.values
        regions, quality = masks.get(values["ImageID"], ({}, None))
        if not values["PatientID"]:
            problems.add(f"row {row.number}, column 'PatientID': the patient is missing")
        entries.append(
            Entry(
                row=row.number,
                where=f"row {row.number}, column 'ImageID'",
                image=_image(images, values["ImageDir"], values["ImageID"]),
                id=values["ImageID"],
                patient=values["PatientID"],
                labels=labels_of(card, classes),
                metadata=pick(card, _metadata(row)),
                regions=regions,
                quality=quality,
            )
        )
    return build(card, entries, problems, published=True)


def _classes(path: Path, row: Row) -> list[str]:
    """Labels are a Python list written as text, with blanks, capitals and empty entries."""
    text = row.values["Labels"]
    if text in ("", "nan"):
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise AuditError(
            f"{path} row {row.number}, column 'Labels': is no list of labels",
            "restore the row from the published file",
        )
    return [name.strip().lower() for name in found if name.strip()]


def _left_out(row: Row, classes: list[str], invalid: set[str]) -> str:
    if row.values["ImageID"] in invalid:
        return "on the list of invalid images"
    if row.values["Projection"] not in _FRONTAL:
        return "projection not frontal"
    if not classes:
        return "labels missing"
    if found := sorted(_LEFT_OUT.intersection(classes)):
        return f"labelled {found[0]}"
    return ""


def _invalid(card: DatasetCard, known: set[str]) -> set[str]:
    """Image ids listed as invalid: one a line, or whole rows of the table, as some lists have them.

    Raises:
        AuditError: If none is an image of the data set.
    """
    if "invalid" not in card.files:
        return set()
    path = file_of(card, "invalid")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise AuditError(f"{path} is no UTF-8 text file", "it needs an ImageID a line") from None
    invalid = known.intersection(re.split(r"[\s,;\"'/]+", text))
    if not invalid:
        raise AuditError(
            f"{path} names no image of the data set",
            f"correct or drop 'files.invalid' of {card.path}",
        )
    return invalid


def _image(folder: Path, part: str, name: str) -> Path:
    """Images lie in the numbered folders they were published in, or all in one."""
    numbered = folder / part.removesuffix(".0") / name
    return numbered if is_there(numbered) else folder / name


def _metadata(row: Row) -> dict[str, str]:
    values = row.values
    year = values.get("PatientBirth", "").removesuffix(".0")
    sex = values.get("PatientSex_DICOM", "")
    return {
        "projection": values["Projection"],
        "view": values.get("ViewPosition_DICOM", ""),
        "sex": sex if sex in ("M", "F") else "",
        "birth_year": year if year.isdigit() else "",
        "manufacturer": values.get("Manufacturer_DICOM", ""),
        "pediatric": values.get("Pediatric", ""),
    }
