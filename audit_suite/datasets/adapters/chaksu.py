"""Chákṣu (Kumar et al., Scientific Data 10, 2023): five experts' gradings and disc contours.

The label is the majority of the five gradings, the region the majority of their masks, its quality
the mean Dice of the experts with that majority.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters.common import pick, require_regions
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.entries import Entry, Mask, Problems, RegionSource, build
from audit_suite.datasets.images import read_mask
from audit_suite.datasets.tables import Row, read_rows, require_columns
from audit_suite.errors import AuditError

_SPLITS = {"Train": "train", "Test": "test"}
_DEVICES = ("Bosch", "Forus", "Remidio")
_EXPERTS = tuple(f"Expert.{number}" for number in range(1, 6))
_IMAGES = "1.0_Original_Fundus_Images"
_MASKS = "3.0_Doctors_Annotations_Binary_OD_OC"
_DECISIONS = "6.0_Glaucoma_Decision"
_GRADES = {"NORMAL": 0, "GLAUCOMA SUSPECT": 1, "GLAUCOMA SUSUPECT": 1}  # as two experts spell it


@dataclass(frozen=True)
class Majority:
    """The pixels that most of several masks hold."""

    paths: tuple[Path, ...]
    where: str

    def read(self) -> Mask:
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
        """Read anew each time: kept, the masks of a thousand images would fill the memory."""
        masks = [read_mask(path, None) for path in self.paths]
        if len({mask.shape for mask in masks}) > 1:
            raise ValueError("differs in size between experts")
        return np.stack(masks)


def _most(masks: Any) -> Mask:
    """Pixels that more than half of the masks hold: a tie is not enough."""
    found: Mask = 2 * masks.sum(axis=0) > len(masks)
    return found


def read_chaksu(card: DatasetCard) -> Dataset:
    """Read the folders Train and Test under ``root``, as published.

    The one target is "glaucoma suspect", whatever the card calls it; regions are disc and cup;
    metadata: device. Few file names tell the patient ("P12..."); where they do not, an image
    counts as a patient of its own.

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
    needed = sorted({region for target in card.targets.values() for region in target.roi})
    entries: list[Entry] = []
    problems = Problems(card, root)
    for folder, split in _SPLITS.items():
        if card.split in (None, split) or card.holdout is not None:
            for device in _DEVICES:
                entries += _entries(card, root / folder, split, device, needed, problems)
    if not entries:
        raise AuditError(f"{root} holds neither Train nor Test of Chákṣu", "correct 'root'")
    return build(card, entries, problems, published=True)


def _entries(
    card: DatasetCard,
    folder: Path,
    split: str,
    device: str,
    needed: Sequence[str],
    problems: Problems,
) -> list[Entry]:
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
    experts = sorted((folder / _MASKS).glob("Expert*"))
    drawn = {
        region: [_by_stem(_folder(_folder(expert, device), region)) for expert in experts]
        for region in needed
    }
    found, seen = [], dict[str, int]()
    for row in rows:
        stem = Path(row.values["Images"].partition("-")[0]).stem.lower()
        where = f"{table} row {row.number}, column 'Images'"
        image = images.get(stem)
        if image is None:
            problems.add_bad_file(f"{where}: there is no image of that name")
            continue
        if (first := seen.setdefault(stem, row.number)) != row.number:
            problems.add(f"{table} rows {first} and {row.number} are of the same image")
            continue
        regions: dict[str, RegionSource] = {}
        for region in needed:
            if masks := tuple(place[stem] for place in drawn[region] if stem in place):
                regions[region] = Majority(masks, f"{where}, the experts' {region}")
        patient = re.search(r"P(\d+)", image.stem)
        identity = f"{split}/{device}/{patient[0] if patient else stem}"
        found.append(
            Entry(
                row=row.number,
                where=where,
                image=image,
                id=f"{split}/{device}/{stem}",
                patient=identity,
                labels={target: _label(path, row)},
                metadata=pick(card, {"device": device}),
                regions=regions,
                quality=_quality(card, regions, problems),
                split=split,
            )
        )
    return found


def _label(path: Path, row: Row) -> int:
    def grade(column: str) -> int:
        words = " ".join(row.values[column].upper().split())
        if words not in _GRADES:
            raise AuditError(
                f"{path} row {row.number}, column '{column}': is no grading "
                f"(NORMAL or GLAUCOMA SUSPECT)",
                "restore the row from the published file",
            )
        return _GRADES[words]

    label = int(2 * sum(grade(expert) for expert in _EXPERTS) > len(_EXPERTS))
    for column in ("Majority Decision", "Glaucoma Decision"):  # named so in some files of Test
        if row.values.get(column) and grade(column) != label:
            raise AuditError(
                f"{path} row {row.number}, column '{column}': is not the majority of the experts",
                "restore the row from the published file",
            )
    return label


def _quality(
    card: DatasetCard, regions: dict[str, RegionSource], problems: Problems
) -> float | None:
    """Agreement of the experts, worked out only where the card has a rule for it."""
    if card.mask_quality is None or not regions:
        return None
    try:
        return min(
            source.agreement() for source in regions.values() if isinstance(source, Majority)
        )
    except (ValueError, OSError) as error:
        where = next(iter(regions.values())).where
        problems.add_bad_file(f"{where}: {error}")
        return None


def _folder(parent: Path, name: str) -> Path:
    """A folder by its name whatever its capitals; Test spells Remidio "Remedio" in places."""
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
