"""AIROGS (de Vente et al., IEEE Transactions on Medical Imaging 43, 2024): referable glaucoma."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.entry import Entry, RegionSource
from audit_suite.datasets.files.masks import MaskFile
from audit_suite.datasets.files.metadata import pick
from audit_suite.datasets.files.paths import file_of, folder_of
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.roi import refuse_several_regions, roi_of_reader
from audit_suite.datasets.files.tables import Row, read_rows, require_columns
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.errors import AuditError

_LABELS = {"RG": 1, "NRG": 0}
_ENDINGS = (".jpg", ".jpeg", ".png", ".tif")


@dataclass(frozen=True)
class Airogs(Reader):
    """``files.labels`` (train_labels.csv) of the training part, and the images under ``root``.

    Images lie in one folder or several (0 to 5). Patients are not published: every image counts as
    a patient, so intervals are too narrow if a patient has several. Masks are not published either:
    ``files.masks`` names a folder of your own, with one file per image id.
    """

    name: str = "airogs"
    needed_files: frozenset[str] = frozenset({"labels"})
    optional_files: frozenset[str] = frozenset({"masks"})
    selects_rows: bool = True

    def read(self, card: DatasetCard) -> Dataset:
        """Read the table of labels; files are matched to it by name.

        Raises:
            AuditError: If a file is missing or not as published; names file and row.
        """
        _require_one_target(card)
        refuse_several_regions(card, "masks")
        path = file_of(card, "labels")
        rows = read_rows(path, "'files.labels'")
        require_columns(card, path, rows, "challenge_id", "class")
        mask_folder = folder_of(card, "masks").resolve() if "masks" in card.files else None
        images = _by_id(card.resolve(card.root), without=mask_folder)
        masks = {} if mask_folder is None else _by_id(mask_folder)
        problems = Problems(card, path)
        entries = [_entry(card, path, row, images, masks, problems) for row in rows]
        return dataset_from(card, entries, problems, published=True)


def _require_one_target(card: DatasetCard) -> None:
    if len(card.targets) != 1:
        raise AuditError(
            f"{card.path}: AIROGS has one target, the card names {sorted(card.targets)}",
            "keep one; it is positive where the class is RG",
        )


def _by_id(folder: Path, without: Path | None = None) -> dict[str, list[Path]]:
    """Image files by id, except those in one folder: masks may lie below the images' root."""
    files: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in _ENDINGS and not (without and file.is_relative_to(without)):
            files.setdefault(file.stem, []).append(file)
    return files


def _entry(
    card: DatasetCard,
    path: Path,
    row: Row,
    images: dict[str, list[Path]],
    masks: dict[str, list[Path]],
    problems: Problems,
) -> Entry:
    name, grade = row.values["challenge_id"], row.values["class"].upper()
    if grade not in _LABELS:
        problems.add(f"row {row.number}, column 'class': is neither RG nor NRG")
    where = f"row {row.number}, column 'challenge_id'"
    for what, files in (("images", images), ("masks", masks)):
        if len(files.get(name, ())) > 1:
            problems.add(f"{where}: several {what} have that name")
    regions: dict[str, RegionSource] = {
        region: MaskFile(str(masks[name][0]), where)
        for region in sorted(roi_of_reader(card))
        if name in masks
    }
    (target,) = card.targets
    return Entry(
        row=row.number,
        where=where,
        file=str(images.get(name, [path.parent / f"{name}.jpg"])[0]),
        id=name,
        patient=name,
        labels={target: _LABELS.get(grade, 0)},
        metadata=pick(card, {}),
        regions=regions,
    )


register_reader(Airogs())
