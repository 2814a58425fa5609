"""A data set from a manifest: a CSV with one row an image, image files and mask files."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.dicom import METADATA, read_metadata
from audit_suite.datasets.images import read_image, read_mask
from audit_suite.errors import AuditError

_DICOM = "dicom."  # metadata of this kind are tags of the image file
_SHOWN = 5  # problems listed one by one
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True)
class _Row:
    number: int
    values: dict[str, str]


def read_manifest(card: DatasetCard) -> Dataset:
    """Read and check a manifest; image files are only looked at when read.

    Raises:
        AuditError: If the manifest cannot be read, lacks a column, or any row of the audited
            split is wrong; problems are listed together, by row.
    """
    assert card.manifest is not None, "the card's validation guarantees it"
    root = card.resolve(card.root)
    path = root / card.manifest
    rows = _read_rows(path)
    _require_columns(card, path, rows)
    _refuse_patients_in_two_splits(card, path, rows)
    chosen = _select(card, rows)
    if not chosen:
        raise AuditError(
            f"{path}: no row is left by split '{card.split}' and filter {card.filter}",
            f"correct the keys 'split' and 'filter' of {card.path}",
        )
    problems = _Problems(card, path)
    kept = [row for row in chosen if _files_present(card, root, row, problems)]
    cases = tuple(_case(card, root, row, problems) for row in kept)
    _refuse_duplicates(card, kept, problems)
    problems.raise_if_any()
    needed = {region for target in card.targets.values() for region in target.roi}

    def read(index: int) -> Sample:
        return _read_sample(card, root, path, kept[index], needed)

    return Dataset(
        card=card,
        digest=_digest(card, root, kept),
        cases=cases,
        read=read,
        excluded=tuple(problems.excluded),
    )


class _Problems:
    """What is wrong with rows: excluded where the card allows it, else collected."""

    def __init__(self, card: DatasetCard, path: Path) -> None:
        self._card, self._path = card, path
        self._found: list[str] = []
        self._curable = False
        self.excluded: list[str] = []

    def add(self, text: str) -> None:
        self._found.append(text)

    def add_bad_file(self, text: str) -> None:
        if self._card.on_bad_image == "exclude":
            self.excluded.append(f"{self._path.name} {text}")
        else:
            self._found.append(text)
            self._curable = True

    def raise_if_any(self) -> None:
        if not self._found:
            return
        shown = "; ".join(self._found[:_SHOWN])
        rest = len(self._found) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        remedy = "correct the manifest"
        if self._curable:
            remedy += f', or leave such rows out with on_bad_image = "exclude" in {self._card.path}'
        raise AuditError(f"{self._path}: {shown}{more}", remedy)


def _read_rows(path: Path) -> list[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = []
            for values in reader:
                if None in values or None in values.values():
                    raise AuditError(
                        f"{path} row {reader.line_num}: has not as many fields as the header",
                        "check for a missing quotation mark or comma",
                    )
                rows.append(_Row(reader.line_num, {k: v.strip() for k, v in values.items()}))
    except FileNotFoundError:
        raise AuditError(
            f"{path} does not exist", "correct the keys 'root' and 'manifest' of the data set card"
        ) from None
    except UnicodeDecodeError as error:
        raise AuditError(
            f"{path} is not UTF-8 text (byte {error.start})", "save it as UTF-8 and try again"
        ) from None
    except (OSError, csv.Error) as error:
        raise AuditError(f"{path} cannot be read: {error}", "check the file") from None
    if not rows:
        raise AuditError(f"{path} holds no rows", "a manifest needs a header and a row an image")
    return rows


def _require_columns(card: DatasetCard, path: Path, rows: Sequence[_Row]) -> None:
    known = rows[0].values.keys()
    columns = card.columns
    wanted = {
        "columns.image": columns.image,
        "columns.patient": columns.patient,
        "columns.split": columns.split,
        "columns.id": columns.id,
    }
    wanted |= {f"targets.{name}.column": target.column for name, target in card.targets.items()}
    wanted |= {f"regions.{name}.column": region.column for name, region in card.regions.items()}
    wanted |= {f"metadata '{name}'": name for name in card.metadata if not _tag(name)}
    wanted |= {f"filter.{name}": name for name in card.filter}
    if unknown := [name for name in card.metadata if _tag(name) and _tag(name) not in METADATA]:
        raise AuditError(
            f"{card.path}: key 'metadata' names {unknown}: only tags that cannot identify are read",
            f"tags that may be named: {', '.join(_DICOM + name for name in METADATA)}",
        )
    missing = [f"{key} = '{name}'" for key, name in wanted.items() if name and name not in known]
    if missing:
        raise AuditError(
            f"{card.path}: {', '.join(missing)}: no such column in {path}",
            f"columns there: {', '.join(known)}",
        )


def _refuse_patients_in_two_splits(card: DatasetCard, path: Path, rows: Sequence[_Row]) -> None:
    if card.columns.split is None:
        return
    seen: dict[str, tuple[str, int]] = {}
    for row in rows:
        patient, split = row.values[card.columns.patient], row.values[card.columns.split]
        if not patient:
            continue
        first, number = seen.setdefault(patient, (split, row.number))
        if first != split:
            raise AuditError(
                f"{path}: rows {number} and {row.number} are of one patient, in the splits "
                f"'{first}' and '{split}'",
                "split by patient: a model has seen the patients it was trained on",
            )


def _select(card: DatasetCard, rows: Sequence[_Row]) -> list[_Row]:
    wanted = {
        column: {values} if isinstance(values, str) else set(values)
        for column, values in card.filter.items()
    }
    if card.split is not None and card.columns.split is not None:
        wanted[card.columns.split] = {card.split}
    return [row for row in rows if all(row.values[key] in values for key, values in wanted.items())]


def _files_present(card: DatasetCard, root: Path, row: _Row, problems: _Problems) -> bool:
    needed = {region for target in card.targets.values() for region in target.roi}
    columns = {card.columns.image: True}
    columns |= {region.column: name in needed for name, region in card.regions.items()}
    for column, required in columns.items():
        name = row.values[column]
        where = f"row {row.number}, column '{column}'"
        if not name and required:
            problems.add_bad_file(f"{where}: no file is named")
            return False
        if name and not (root / name).resolve().is_relative_to(root):
            problems.add(f"{where}: the file lies outside the data set's root")
            return False
        if name and not (root / name).is_file():
            problems.add_bad_file(f"{where}: the file does not exist")
            return False
    return True


def _case(card: DatasetCard, root: Path, row: _Row, problems: _Problems) -> Case:
    labels = {}
    for name, target in card.targets.items():
        assert target.column is not None, "the card's validation guarantees it"
        text = row.values[target.column]
        labels[name] = _LABELS.get(text, 0)
        if text not in _LABELS:
            said = "is missing" if not text else "is not 0 or 1"
            problems.add(f"row {row.number}, column '{target.column}': the label {said}")
    patient = row.values[card.columns.patient]
    if not patient:
        problems.add(f"row {row.number}, column '{card.columns.patient}': the patient is missing")
    return Case(
        id=row.values[card.columns.id or card.columns.image],
        patient=patient,
        labels=labels,
        metadata=_metadata(card, root, row, problems),
        row=row.number,
    )


def _tag(name: str) -> str:
    """The DICOM tag a metadata name asks for; empty for a manifest column."""
    return name.removeprefix(_DICOM) if name.startswith(_DICOM) else ""


def _metadata(card: DatasetCard, root: Path, row: _Row, problems: _Problems) -> dict[str, str]:
    found = {name: row.values[name] for name in card.metadata if not _tag(name)}
    tags = {name: _tag(name) for name in card.metadata if _tag(name)}
    if tags:
        try:
            header = read_metadata(root / row.values[card.columns.image])
        except ValueError as error:
            header = {}
            problems.add(f"row {row.number}, column '{card.columns.image}': the file {error}")
        found |= {name: header.get(tag, "") for name, tag in tags.items()}
    return found


def _refuse_duplicates(card: DatasetCard, rows: Sequence[_Row], problems: _Problems) -> None:
    for column in {card.columns.image, card.columns.id or card.columns.image}:
        numbers = defaultdict(list)
        for row in rows:
            numbers[row.values[column]].append(row.number)
        for same in numbers.values():
            if len(same) > 1:
                problems.add(f"rows {', '.join(map(str, same))} have the same '{column}'")


def _read_sample(card: DatasetCard, root: Path, path: Path, row: _Row, needed: set[str]) -> Sample:
    def bad(column: str, why: str) -> BadImage:
        return BadImage(
            f"{path.name} row {row.number}, column '{column}': {why}",
            f'mend the file, or leave such rows out with on_bad_image = "exclude" in {card.path}',
        )

    try:
        image = read_image(root / row.values[card.columns.image], card.dicom_frame)
    except ValueError as error:
        raise bad(card.columns.image, f"the image {error}") from None
    regions = {}
    for name, region in card.regions.items():
        if not row.values[region.column]:
            continue
        try:
            mask = read_mask(root / row.values[region.column], region.value)
        except ValueError as error:
            raise bad(region.column, f"the mask {error}") from None
        if mask.shape != image.shape[:2]:
            raise bad(
                region.column,
                f"the mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image "
                f"{image.shape[1]} x {image.shape[0]}",
            )
        if name in needed and not mask.any():
            raise bad(region.column, "the mask is empty")
        regions[name] = mask
    return Sample(image, regions)


def _digest(card: DatasetCard, root: Path, rows: Sequence[_Row]) -> str:
    content = card.model_dump(
        mode="json",
        include={
            "reader",
            "columns",
            "targets",
            "regions",
            "metadata",
            "dicom_frame",
            "on_bad_image",
        },
    )
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    files = [card.columns.image, *sorted({region.column for region in card.regions.values()})]
    for row in rows:
        digest.update(json.dumps([row.number, sorted(row.values.items())]).encode())
        for column in files:
            if row.values[column]:
                with (root / row.values[column]).open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
