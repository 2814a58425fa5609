"""A data set from a manifest: a CSV with one row an image, image files and mask files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.dicom import METADATA, read_metadata
from audit_suite.datasets.entries import Entry, MaskFile, Problems, RegionSource, build
from audit_suite.datasets.tables import LABELS, Row, read_rows
from audit_suite.errors import AuditError

_DICOM = "dicom."  # metadata of this kind are tags of the image file


def read_manifest(card: DatasetCard) -> Dataset:
    """Read and check a manifest; image files are only looked at when read.

    Raises:
        AuditError: If the manifest cannot be read, lacks a column, or any row of the audited
            split is wrong; problems are listed together, by row.
    """
    assert card.manifest is not None, "the card's validation guarantees it"
    root = card.resolve(card.root)
    path = root / card.manifest
    rows = read_rows(path, "'root' and 'manifest'")
    _require_columns(card, path, rows)
    problems = Problems(card, path)
    _refuse_patients_in_two_splits(card, path, rows)
    entries = []
    for row in _select(card, rows):
        files = _files(card, root, row, problems)
        if files is not None:
            entries.append(_entry(card, root, row, files, problems))
    patients = {row.values[card.columns.patient] for row in rows} - {""}
    return build(card, entries, problems, patients=patients)


def metadata_of(
    card: DatasetCard, image: Path, where: str, problems: Problems, columns: dict[str, str]
) -> dict[str, str]:
    """The metadata a card declares: columns, and tags of the image file.

    Args:
        card: The card.
        image: The image file.
        where: Row and column that name it.
        problems: Where a file without readable tags is noted.
        columns: Values by column.
    """
    found = {name: columns[name] for name in card.metadata if not _tag(name)}
    tags = {name: _tag(name) for name in card.metadata if _tag(name)}
    if tags and image.is_file():
        try:
            header = read_metadata(image)
        except (ValueError, OSError) as error:
            header = {}
            problems.add(f"{where}: the file {error}")
        found |= {name: header.get(tag, "") for name, tag in tags.items()}
    return found


def refuse_unknown_tags(card: DatasetCard) -> None:
    """Refuse DICOM tags that are not on the allow-list.

    Raises:
        AuditError: If the card names one.
    """
    if unknown := [name for name in card.metadata if _tag(name) and _tag(name) not in METADATA]:
        raise AuditError(
            f"{card.path}: key 'metadata' names {unknown}: only tags that cannot identify are read",
            f"tags that may be named: {', '.join(_DICOM + name for name in METADATA)}",
        )


def _tag(name: str) -> str:
    """The DICOM tag a metadata name asks for; empty for a manifest column."""
    return name.removeprefix(_DICOM) if name.startswith(_DICOM) else ""


def _require_columns(card: DatasetCard, path: Path, rows: Sequence[Row]) -> None:
    known = rows[0].values.keys()
    columns = card.columns
    wanted = {
        "columns.image": columns.image,
        "columns.patient": columns.patient,
        "columns.split": columns.split,
        "columns.id": columns.id,
        "mask_quality.column": card.mask_quality.column if card.mask_quality else None,
    }
    wanted |= {f"targets.{name}.column": target.column for name, target in card.targets.items()}
    wanted |= {f"regions.{name}.column": region.column for name, region in card.regions.items()}
    wanted |= {f"metadata '{name}'": name for name in card.metadata if not _tag(name)}
    wanted |= {f"filter.{name}": name for name in card.filter}
    refuse_unknown_tags(card)
    missing = [f"{key} = '{name}'" for key, name in wanted.items() if name and name not in known]
    if missing:
        raise AuditError(
            f"{card.path}: {', '.join(missing)}: no such column in {path}",
            f"columns there: {', '.join(known)}",
        )


def _refuse_patients_in_two_splits(card: DatasetCard, path: Path, rows: Sequence[Row]) -> None:
    """Before the filter: a patient may be in the other split by rows that are left out."""
    if card.columns.split is None:
        return
    seen: dict[str, tuple[str, int]] = {}
    for row in rows:
        patient, split = row.values[card.columns.patient], row.values[card.columns.split]
        first, number = seen.setdefault(patient, (split, row.number)) if patient else (split, 0)
        if first != split:
            raise AuditError(
                f"{path}: rows {number} and {row.number} are of one patient, in the splits "
                f"'{first}' and '{split}'",
                "split by patient: a model has seen the patients it was trained on",
            )


def _select(card: DatasetCard, rows: Sequence[Row]) -> list[Row]:
    wanted = {
        column: {values} if isinstance(values, str) else set(values)
        for column, values in card.filter.items()
    }
    if card.split is not None and card.columns.split is not None:
        wanted[card.columns.split] = {card.split}
    return [row for row in rows if all(row.values[key] in values for key, values in wanted.items())]


def _files(card: DatasetCard, root: Path, row: Row, problems: Problems) -> dict[str, Path] | None:
    """The files a row names, by column; None if one that is needed is not named or is outside."""
    needed = {region for target in card.targets.values() for region in target.roi}
    columns = {card.columns.image: True}
    columns |= {region.column: name in needed for name, region in card.regions.items()}
    found = {}
    for column, required in columns.items():
        name = row.values[column]
        where = f"row {row.number}, column '{column}'"
        if not name and required:
            problems.add_bad_file(f"{where}: no file is named")
            return None
        if name and not (root / name).resolve().is_relative_to(root):
            problems.add(f"{where}: the file lies outside the data set's root")
            return None
        if name:
            found[column] = root / name
    return found


def _entry(
    card: DatasetCard, root: Path, row: Row, files: dict[str, Path], problems: Problems
) -> Entry:
    labels = {}
    for name, target in card.targets.items():
        assert target.column is not None, "the card's validation guarantees it"
        text = row.values[target.column]
        labels[name] = LABELS.get(text, 0)
        if text not in LABELS:
            said = "is missing" if not text else "is not 0 or 1"
            problems.add(f"row {row.number}, column '{target.column}': the label {said}")
    patient = row.values[card.columns.patient]
    if not patient:
        problems.add(f"row {row.number}, column '{card.columns.patient}': the patient is missing")
    where = f"row {row.number}, column '{card.columns.image}'"
    image = files[card.columns.image]
    regions: dict[str, RegionSource] = {
        name: MaskFile(
            files[region.column], region.value, f"row {row.number}, column '{region.column}'"
        )
        for name, region in card.regions.items()
        if region.column in files
    }
    return Entry(
        row=row.number,
        where=where,
        image=image,
        id=row.values[card.columns.id or card.columns.image],
        patient=patient,
        labels=labels,
        metadata=metadata_of(card, image, where, problems, row.values),
        regions=regions,
        quality=_quality(card, row, problems),
        split=row.values[card.columns.split] if card.columns.split else "",
    )


def _quality(card: DatasetCard, row: Row, problems: Problems) -> float | None:
    if card.mask_quality is None or card.mask_quality.column is None:
        return None
    text = row.values[card.mask_quality.column]
    try:
        return float(text) if text else None
    except ValueError:
        problems.add(f"row {row.number}, column '{card.mask_quality.column}': is no number")
        return None
