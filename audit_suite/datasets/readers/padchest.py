"""PadChest (Bustos et al., Medical Image Analysis 66, 2020), with the rows of Sourget et al. 2024.

Rows are kept if the projection is frontal (PA, AP, AP_horizontal) and there are labels, none of
which is `suboptimal study`, `exclude` or `unchanged`. Reports are never read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.chexmask import REGIONS, read_chexmask
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.labels import class_labels, require_classes
from audit_suite.datasets.files.metadata import pick
from audit_suite.datasets.files.paths import file_of, is_there
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.roi import require_regions
from audit_suite.datasets.files.tables import Row, read_rows, require_columns
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.datasets.tags import is_missing
from audit_suite.errors import AuditError

_FRONTAL = ("PA", "AP", "AP_horizontal")
_LEFT_OUT = {"suboptimal study", "exclude", "unchanged"}


@dataclass(frozen=True)
class PadChest(Reader):
    """``files.labels`` and ``images`` as published, CheXmask ``masks``, ``invalid`` image ids."""

    name: str = "padchest"
    needed_files: frozenset[str] = frozenset({"labels", "images"})
    optional_files: frozenset[str] = frozenset({"masks", "invalid"})
    selects_rows: bool = True

    def regions(self, card: DatasetCard) -> frozenset[str]:
        """Those of CheXmask, if the card names its masks."""
        return frozenset(REGIONS if "masks" in card.files else ())

    def read(self, card: DatasetCard) -> Dataset:
        """Read the table of labels, and the masks if there are any.

        Raises:
            AuditError: If a file is missing or not as published; names file and row.
        """
        path = file_of(card, "labels")
        rows = read_rows(path, "'files.labels'")
        required = ("ImageID", "ImageDir", "PatientID", "Projection", "Labels")
        require_columns(card, path, rows, *required)
        problems = Problems(card, path)
        kept = _kept(card, path, rows, problems)
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
            if is_missing(values["PatientID"]):
                problems.add(f"row {row.number}, column 'PatientID': the patient is missing")
            entries.append(
                Entry(
                    row=row.number,
                    where=f"row {row.number}, column 'ImageID'",
                    file=str(_image(images, values["ImageDir"], values["ImageID"])),
                    id=values["ImageID"],
                    patient=values["PatientID"],
                    labels=class_labels(card, classes),
                    metadata=pick(card, _metadata(row)),
                    regions=regions,
                    quality=quality,
                )
            )
        return dataset_from(card, entries, problems, published=True)


def _kept(
    card: DatasetCard, path: Path, rows: Sequence[Row], problems: Problems
) -> list[tuple[Row, list[str]]]:
    """The rows that the protocol keeps, with their classes."""
    invalid = _invalid(card, {row.values["ImageID"] for row in rows})
    kept = []
    for row in rows:
        classes = _classes(path, row)
        if why := _left_out(row, classes, invalid):
            problems.leave_out(why)
        else:
            kept.append((row, classes))
    return kept


def _classes(path: Path, row: Row) -> list[str]:
    """Labels are a Python list written as text, with spaces, capitals and empty entries."""
    text = row.values["Labels"]
    if text in ("", "nan"):
        return []
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AuditError(
            f"{path} row {row.number}, column 'Labels': is not a list of labels",
            "restore the row from the published file",
        )
    return [name.strip().lower() for name in names if name.strip()]


def _left_out(row: Row, classes: list[str], invalid: set[str]) -> str:
    """Why the protocol leaves a row out; empty if it keeps it."""
    if row.values["ImageID"] in invalid:
        return "on the list of invalid images"
    if row.values["Projection"] not in _FRONTAL:
        return "projection not frontal"
    if not classes:
        return "labels missing"
    if labels := sorted(_LEFT_OUT.intersection(classes)):
        return f"labelled {labels[0]}"
    return ""


def _invalid(card: DatasetCard, known: set[str]) -> set[str]:
    """Image ids listed as invalid: one per line, or in whole rows of the table, as in some lists.

    Raises:
        AuditError: If none is an image of the data set.
    """
    if "invalid" not in card.files:
        return set()
    path = file_of(card, "invalid")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise AuditError(
            f"{path} is not a UTF-8 text file", "it needs one ImageID per line"
        ) from None
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


register_reader(PadChest())
