"""Chákṣu (Kumar et al., Scientific Data 10, 2023): five experts' gradings and disc contours.

The label is the majority of the five gradings, the region is the majority of their masks, and its
quality is the mean Dice coefficient of the experts' masks with that majority.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.metadata import pick
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.roi import require_regions, roi_of_reader
from audit_suite.datasets.files.tables import Row, read_rows, require_columns
from audit_suite.datasets.masks import read_mask
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.errors import AuditError

_SPLITS = {"Train": "train", "Test": "test"}
_DEVICES = ("Bosch", "Forus", "Remidio")
_EXPERTS = tuple(f"Expert.{number}" for number in range(1, 6))
_IMAGES = "1.0_Original_Fundus_Images"
_MASKS = "3.0_Doctors_Annotations_Binary_OD_OC"
_DECISIONS = "6.0_Glaucoma_Decision"
_GRADES = {"NORMAL": 0, "GLAUCOMA SUSPECT": 1, "GLAUCOMA SUSUPECT": 1}  # as two experts spell it


@dataclass(frozen=True)
class Chaksu(Reader):
    """The folders Train and Test under ``root``, as published.

    The one target is "glaucoma suspect", whatever the card calls it; regions are disc and cup;
    metadata: device. Few file names show the patient ("P12..."); otherwise an image counts as a
    patient of its own.
    """

    name: str = "chaksu"
    selects_rows: bool = True

    def read(self, card: DatasetCard) -> Dataset:
        """Read the tables of every camera in the parts that the card needs.

        Raises:
            AuditError: If a file is missing or not as published; names file and row.
        """
        require_regions(card, ("disc", "cup"))
        if len(card.targets) != 1:
            raise AuditError(
                f"{card.path}: Chákṣu has one target, the card names {sorted(card.targets)}",
                "keep one; it is positive where most experts suspect glaucoma",
            )
        root = card.resolve(card.root)
        problems = Problems(card, root)
        entries: list[Entry] = []
        for folder, split in _SPLITS.items():
            if card.split in (None, split) or card.holdout is not None:
                for device in _DEVICES:
                    entries += _entries(card, root / folder, split, device, problems)
        if not entries:
            raise AuditError(f"{root} holds neither Train nor Test of Chákṣu", "correct 'root'")
        return dataset_from(card, entries, problems, published=True)


def _entries(
    card: DatasetCard, folder: Path, split: str, device: str, problems: Problems
) -> list[Entry]:
    """The images of one camera in one part."""
    path = folder / _DECISIONS / f"Glaucoma_Decision_Comparison_{device}_majority.csv"
    images = _by_stem(_folder(folder / _IMAGES, device))
    if not path.is_file():
        if images:
            raise AuditError(
                f"{path} does not exist, but images by {device} do", "restore the published file"
            )
        return []
    rows = read_rows(path, "'root'")
    require_columns(card, path, rows, "Images", *_EXPERTS)
    (target,) = card.targets
    table = path.relative_to(folder.parent).as_posix()  # Train and Test have tables of equal names
    drawn = _drawn(folder, device, sorted(roi_of_reader(card)))
    entries, seen = [], dict[str, int]()
    for row in rows:
        stem = Path(row.values["Images"].partition("-")[0]).stem.lower()
        where = f"{table} row {row.number}, column 'Images'"
        image = images.get(stem)
        if image is None:
            problems.add_bad_file(f"{where}: there is no image with that name")
            continue
        if (first := seen.setdefault(stem, row.number)) != row.number:
            problems.add(f"{table} rows {first} and {row.number} list the same image")
            continue
        regions = _regions(drawn, stem, where)
        patient = re.search(r"P(\d+)", image.stem)
        entries.append(
            Entry(
                row=row.number,
                where=where,
                file=str(image),
                id=f"{split}/{device}/{stem}",
                patient=f"{split}/{device}/{patient[0] if patient else stem}",
                labels={target: _label(path, row)},
                metadata=pick(card, {"device": device}),
                regions=dict(regions),
                quality=_quality(card, regions, problems),
                split=split,
            )
        )
    return entries


def _label(path: Path, row: Row) -> int:
    def grade(column: str) -> int:
        words = " ".join(row.values[column].upper().split())
        if words not in _GRADES:
            raise AuditError(
                f"{path} row {row.number}, column '{column}': is not a grading "
                f"(NORMAL or GLAUCOMA SUSPECT)",
                "restore the row from the published file",
            )
        return _GRADES[words]

    label = int(2 * sum(grade(expert) for expert in _EXPERTS) > len(_EXPERTS))
    for column in ("Majority Decision", "Glaucoma Decision"):  # the second in some files of Test
        if row.values.get(column) and grade(column) != label:
            raise AuditError(
                f"{path} row {row.number}, column '{column}': is not the majority of the experts",
                "restore the row from the published file",
            )
    return label


@dataclass(frozen=True)
class Majority(RegionSource):
    """The pixels that are in most of several masks."""

    paths: tuple[Path, ...]
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The majority."""
        return _most(self._masks())

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the files."""
        for path in self.paths:
            digest.update(hash_file(path))

    def agreement(self) -> float:
        """Mean Dice coefficient of the masks with their majority, 0 to 1.

        Raises:
            ValueError: If a mask cannot be read or they differ in size.
        """
        masks = self._masks()
        majority = _most(masks)
        return float(
            np.mean(
                [
                    2 * (mask & majority).sum() / max(mask.sum() + majority.sum(), 1)
                    for mask in masks
                ]
            )
        )

    def _masks(self) -> Any:
        """Read each time: if they were kept, the masks of a thousand images would fill memory."""
        masks = [read_mask(path) for path in self.paths]
        if len({mask.shape for mask in masks}) > 1:
            raise ValueError("differs in size between experts")
        return np.stack(masks)


def _most(masks: Any) -> Mask:
    """Pixels that are in more than half of the masks: a tie is not enough."""
    most: Mask = 2 * masks.sum(axis=0) > len(masks)
    return most


def _drawn(folder: Path, device: str, regions: Sequence[str]) -> dict[str, list[dict[str, Path]]]:
    """By region, the mask files of each expert by image."""
    experts = sorted((folder / _MASKS).glob("Expert*"))
    return {
        region: [_by_stem(_folder(_folder(expert, device), region)) for expert in experts]
        for region in regions
    }


def _regions(drawn: dict[str, list[dict[str, Path]]], stem: str, where: str) -> dict[str, Majority]:
    regions = {}
    for region, experts in drawn.items():
        if masks := tuple(files[stem] for files in experts if stem in files):
            regions[region] = Majority(masks, f"{where}, the experts' {region}")
    return regions


def _quality(card: DatasetCard, regions: dict[str, Majority], problems: Problems) -> float | None:
    """Agreement of the experts, computed only where the card has a rule for it."""
    if card.mask_quality is None or not regions:
        return None
    try:
        return min(majority.agreement() for majority in regions.values())
    except (ValueError, OSError) as error:
        where = next(iter(regions.values())).where
        problems.add_bad_file(f"{where}: {error}")
        return None


def _folder(parent: Path, name: str) -> Path:
    """A folder by its name in any case; Test spells Remidio "Remedio" in places."""
    wanted = {name.lower(), name.lower().replace("remidio", "remedio")}
    if parent.is_dir():
        for child in parent.iterdir():
            if child.name.lower() in wanted:
                return child
    return parent / name


def _by_stem(folder: Path) -> dict[str, Path]:
    """Files by their name without ending, in lower case: endings differ between the folders."""
    if not folder.is_dir():
        return {}
    return {file.stem.lower(): file for file in sorted(folder.iterdir()) if file.is_file()}


register_reader(Chaksu())
