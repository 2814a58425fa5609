"""AIROGS (de Vente et al., IEEE Transactions on Medical Imaging 43, 2024): referable glaucoma."""

from __future__ import annotations

from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters.common import file_of, folder_of, pick, refuse_several_regions
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.entries import Entry, MaskFile, Problems, RegionSource, build
from audit_suite.datasets.tables import read_rows, require_columns
from audit_suite.errors import AuditError

_LABELS = {"RG": 1, "NRG": 0}


def read_airogs(card: DatasetCard) -> Dataset:
    """Read the training part as published: ``files.labels`` (train_labels.csv) and the images.

    Images lie under ``root``, in one folder or several (0 to 5). No patients are published: every
    image counts as a patient, so intervals are too narrow if a patient has several. Masks are not
    published either: ``files.masks`` names a folder of your own, one file an image id.

    Raises:
        AuditError: If a file is missing or not as published; names file and row.
    """
    if len(card.targets) != 1:
        raise AuditError(
            f"{card.path}: AIROGS has one target, the card names {sorted(card.targets)}",
            "keep one; it is positive where the class is RG",
        )
    refuse_several_regions(card, "masks")
    path = file_of(card, "labels")
    rows = read_rows(path, "'files.labels'")
    require_columns(card, path, rows, "challenge_id", "class")
    problems = Problems(card, path)
    apart = folder_of(card, "masks").resolve() if "masks" in card.files else None
    images = _images(card.resolve(card.root), apart)
    masks = {} if apart is None else _images(apart)
    needed = sorted({region for target in card.targets.values() for region in target.roi})
    (target,) = card.targets
    entries = []
    for row in rows:
        name, grade = row.values["challenge_id"], row.values["class"].upper()
        if grade not in _LABELS:
            problems.add(f"row {row.number}, column 'class': is neither RG nor NRG")
        where = f"row {row.number}, column 'challenge_id'"
        for what, files in (("images", images), ("masks", masks)):
            if len(files.get(name, ())) > 1:
                problems.add(f"{where}: several {what} have that name")
        regions: dict[str, RegionSource] = {
            region: MaskFile(masks[name][0], None, where) for region in needed if name in masks
        }
        entries.append(
            Entry(
                row=row.number,
                where=where,
                image=images.get(name, [path.parent / f"{name}.jpg"])[0],
                id=name,
                patient=name,
                labels={target: _LABELS.get(grade, 0)},
                metadata=pick(card, {}),
                regions=regions,
            )
        )
    return build(card, entries, problems, published=True)


def _images(folder: Path, apart: Path | None = None) -> dict[str, list[Path]]:
    """Image files by id, but those in a folder apart: masks may lie below the images' root."""
    endings = (".jpg", ".jpeg", ".png", ".tif")
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in endings and not (apart and file.is_relative_to(apart)):
            found.setdefault(file.stem, []).append(file)
    return found
