"""ChestX-ray14 (Wang et al., CVPR 2017): the releases of 2017 and 2020, masks of CheXmask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.chexmask import REGIONS, read_chexmask
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.labels import class_labels, require_classes
from audit_suite.datasets.files.metadata import pick
from audit_suite.datasets.files.paths import file_of, folder_of
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.roi import require_regions
from audit_suite.datasets.files.tables import Row, read_rows, require_columns
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.datasets.tags import is_missing
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


@dataclass(frozen=True)
class ChestXray14(Reader):
    """``files.labels`` and ``images`` as published, CheXmask ``masks``, ``test_list``.

    With ``test_list`` (the published test_list.txt) rows belong to the split ``test`` or ``train``.
    """

    name: str = "chestxray14"
    needed_files: frozenset[str] = frozenset({"labels", "images"})
    optional_files: frozenset[str] = frozenset({"masks", "test_list"})
    selects_rows: bool = True

    def regions(self, card: DatasetCard) -> frozenset[str]:
        """Those of CheXmask, if the card names its masks."""
        return frozenset(REGIONS if "masks" in card.files else ())

    def read(self, card: DatasetCard) -> Dataset:
        """Read the table of labels, and masks and test list if there are any.

        Raises:
            AuditError: If a file is missing or not as published; names file and row.
        """
        path = file_of(card, "labels")
        rows = read_rows(path, "'files.labels'", ragged=True)
        require_columns(card, path, rows, "Image Index", "Finding Labels", "Patient ID")
        classes = {name for row in rows for name in row.values["Finding Labels"].split("|")}
        require_classes(card, path, classes)
        problems = Problems(card, path)
        masks = {}
        if "masks" in card.files:
            require_regions(card, REGIONS)
            wanted = {row.values["Image Index"] for row in rows}
            masks = read_chexmask(file_of(card, "masks"), wanted)
        test_images = _test_list(card)
        folder = folder_of(card, "images")
        places = _places(folder)
        entries = []
        for row in rows:
            name = row.values["Image Index"]
            regions, quality = masks.get(name, ({}, None))
            entries.append(
                Entry(
                    row=row.number,
                    where=f"row {row.number}, column 'Image Index'",
                    file=str(places.get(name, folder / name)),
                    id=name,
                    patient=row.values["Patient ID"],
                    labels=class_labels(card, _classes(row, problems)),
                    metadata=pick(card, _metadata(row)),
                    regions=regions,
                    quality=quality,
                    split=_split(name, test_images),
                )
            )
        return dataset_from(card, entries, problems, published=True)


def _classes(row: Row, problems: Problems) -> list[str]:
    """The classes of a row; what is wrong with it is noted."""
    classes = row.values["Finding Labels"].split("|")
    if not _CLASSES.issuperset(classes):
        problems.add(
            f"row {row.number}, column 'Finding Labels': is not a list of the data set's classes"
        )
    if is_missing(row.values["Patient ID"]):
        problems.add(f"row {row.number}, column 'Patient ID': the patient is missing")
    return classes


def _split(name: str, test_images: set[str] | None) -> str:
    if test_images is None:
        return ""
    return "test" if name in test_images else "train"


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
        raise AuditError(
            f"{path} is not a UTF-8 text file", f"correct 'files.test_list' of {card.path}"
        ) from None
    for number, line in enumerate(lines, start=1):
        # A name that is cut off would count as an image of the training part.
        if line.strip() and not _NAME.fullmatch(line.strip()):
            raise AuditError(
                f"{path} row {number}: is not the name of an image",
                "restore it from the published file",
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


register_reader(ChestXray14())
