"""A manifest: a CSV with one row per image that names image files and mask files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from audit_suite.cards import DatasetCard, RegionSpec
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.checks import refuse_patients_in_two_splits
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.labels import Labels, column_labels
from audit_suite.datasets.files.metadata import declared_columns, metadata_of, refuse_unknown_tags
from audit_suite.datasets.files.paths import below, is_there
from audit_suite.datasets.files.patients import note_missing_patient, patient_of
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.tables import Row, columns_there, read_rows
from audit_suite.datasets.once import content, kept_once
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.errors import AuditError

_YES, _NO = ("yes", "1", "true"), ("no", "0", "false", "")


@dataclass(frozen=True)
class Manifest(Reader):
    """The card's key ``manifest`` names the table, and its other keys the table's columns."""

    name: str = "manifest"
    selects_rows: bool = True

    def check(self, card: DatasetCard) -> None:
        """Require the manifest, a label column for every target, and the columns of split and ROI.

        Raises:
            ValueError: If a key is missing or wrong; names it.
        """
        if card.manifest is None:
            raise ValueError(f"reader '{self.name}' needs the key 'manifest'")
        if card.split is not None and card.holdout is None and card.columns.split is None:
            raise ValueError("'split' needs 'columns.split', the manifest column that holds it")
        for name, target in card.targets.items():
            if target.column is None:
                raise ValueError(f"'targets.{name}' needs 'column', its label column")
            if unknown := sorted(set(target.roi) - set(card.regions)):
                raise ValueError(f"'targets.{name}.roi' names {unknown}, not among 'regions'")
        _refuse_one_column_twice(card)

    def regions(self, card: DatasetCard) -> frozenset[str]:
        """Those that the card declares."""
        return frozenset(card.regions)

    def region_advice(self, card: DatasetCard) -> str:
        """Any region can be added to the card."""
        return "give it one under 'regions' to have it checked"

    def read(self, card: DatasetCard) -> Dataset:
        """Read and check a manifest; image files are not opened yet, except for DICOM tags.

        Raises:
            AuditError: If the manifest cannot be read, lacks a column, or any row of the audited
                split is wrong; problems are listed together, by row.
        """
        root = card.resolve(card.root)
        path = root / (card.manifest or "")
        rows = read_rows(path, "'root' and 'manifest'", delimiter=card.delimiter)
        refuse_unknown_tags(card)
        _require_columns(card, path, rows)
        _refuse_patients_in_two_splits(card, path, rows)
        problems = Problems(card, path)
        entries = _entries(card, root, _filtered(card, rows), problems)
        elsewhere = _other_splits(card, rows)
        patients = {patient_of(card.columns, row) for row in rows} - {""}
        several = len(rows) > 1
        del rows  # what is needed of it is in the entries
        if several and len(patients) == 1:
            named = ", ".join(card.columns.patients)
            raise AuditError(
                f"{path}: all rows with a patient name the same one in '{named}'",
                "give each patient an id, also a made-up one: without them nothing is known of how "
                "far figures vary between patients",
            )
        return dataset_from(card, entries, problems, filtered_from=patients, elsewhere=elsewhere)


def _refuse_one_column_twice(card: DatasetCard) -> None:
    """Refuse a column that stands for two things that cannot be the same."""
    named: list[tuple[str, RegionSpec]] = []
    for name, region in card.regions.items():
        key = f"regions.{name}"
        for column in region.manifest_columns:
            if column == card.columns.image:
                raise ValueError(f"'columns.image' and '{key}' have the same column '{column}'")
            if same := [other for other, before in named if before == region]:
                raise ValueError(f"'{same[0]}' and '{key}' have the same column '{column}'")
        named.append((key, region))
    for name, target in card.targets.items():
        if target.column in card.metadata:
            raise ValueError(f"'metadata' names '{target.column}', the label of '{name}'")
        columns = card.columns
        for key, taken in (
            ("image", (columns.image,)),
            ("patient", columns.patients),
            ("split", (columns.split,)),
        ):
            if target.column in taken:
                raise ValueError(f"'targets.{name}' and 'columns.{key}' have the same column")


def _require_columns(card: DatasetCard, path: Path, rows: Sequence[Row]) -> None:
    present = rows[0].values.keys()
    columns = card.columns
    drawn = [
        (f"regions.{name}.column", column)
        for name, region in card.regions.items()
        for column in region.manifest_columns
    ]
    wanted = [
        ("columns.image", columns.image),
        *(("columns.patient", name) for name in columns.patients),
        ("columns.split", columns.split),
        ("columns.id", columns.id),
        ("columns.burned_in", columns.burned_in),
        ("mask_quality.column", card.mask_quality.column if card.mask_quality else None),
        *((f"targets.{name}.column", target.column) for name, target in card.targets.items()),
        *drawn,
        *((f"metadata '{name}'", name) for name in declared_columns(card)),
        *((f"filter.{name}", name) for name in card.filter),
    ]
    named = [(key, name) for key, name in wanted if name is not None]
    to_come = {f"targets.{name}.column" for name in card.targets} if card.unlabelled else set()
    missing = [
        f"{key} = '{name}'" for key, name in named if name not in present and key not in to_come
    ]
    if missing:
        raise AuditError(
            f"{card.path}: {', '.join(missing)}: no such column in {path}",
            columns_there(present, (name for _, name in named)),
        )


def _refuse_patients_in_two_splits(card: DatasetCard, path: Path, rows: Sequence[Row]) -> None:
    """Before the filter: rows that it leaves out may put a patient into the other split."""
    columns = card.columns
    if columns.split is not None:
        refuse_patients_in_two_splits(
            path,
            ((row.number, patient_of(columns, row), row.values[columns.split]) for row in rows),
        )


def _filtered(card: DatasetCard, rows: Sequence[Row]) -> Iterator[Row]:
    """The rows that pass the card's filter and, by its column, split."""
    wanted = {
        column: {values} if isinstance(values, str) else set(values)
        for column, values in card.filter.items()
    }
    if card.split is not None and card.columns.split is not None:
        wanted[card.columns.split] = {card.split}
    for row in rows:
        if all(row.values[key] in values for key, values in wanted.items()):
            yield row


def _other_splits(card: DatasetCard, rows: Sequence[Row]) -> list[str]:
    """The image files of rows of another split, below the root, as far as they are there."""
    column = card.columns.split
    if card.split is None or column is None:
        return []
    root = card.resolve(card.root)
    named = (
        below(root, row.values[card.columns.image])
        for row in rows
        if row.values[column] != card.split and row.values[card.columns.image]
    )
    return [file for file in named if file is not None and is_there(root / file)]


def _entries(card: DatasetCard, root: Path, rows: Iterable[Row], problems: Problems) -> list[Entry]:
    """The images that rows name; whatever is wrong with a row is noted."""
    listed = []
    for row in rows:
        if (file := _image(card, root, row, problems)) is not None:
            listed.append((row, file))
    labels = column_labels(
        card, [row for row, _ in listed], partial(patient_of, card.columns), problems
    )
    once = kept_once(content)
    return [
        _entry(card, root, row, file, its, once, problems)
        for (row, file), its in zip(listed, labels, strict=True)
    ]


def _image(card: DatasetCard, root: Path, row: Row, problems: Problems) -> str | None:
    """The image file of a row, below the root; None if none is named, or it lies outside."""
    column = card.columns.image
    where = f"row {row.number}, column '{column}'"
    if not row.values[column]:
        problems.add_bad_file(f"{where}: no file is named")
        return None
    file = below(root, row.values[column])
    if file is None:
        problems.add(f"{where}: the file lies outside the data set's root")
    return file


def _entry(
    card: DatasetCard,
    root: Path,
    row: Row,
    file: str,
    labels: Labels,
    once: Callable[[Mapping[str, str]], Mapping[str, str]],
    problems: Problems,
) -> Entry:
    columns = card.columns
    note_missing_patient(columns, row, problems)
    where = f"row {row.number}, column '{columns.image}'"
    return Entry(
        row=row.number,
        where=where,
        file=file,
        id=row.values[columns.id or columns.image],
        patient=patient_of(columns, row),
        labels=labels.labels,
        metadata=once(metadata_of(card, root / file, where, problems, row.values)),
        quality=_quality(card, row, problems),
        split=row.values[columns.split] if columns.split else "",
        burned_in=_burned_in(card, row, problems),
        ruled=labels.ruled,
        columns=row.values,
        folder=root,
    )


def _burned_in(card: DatasetCard, row: Row, problems: Problems) -> bool | None:
    if card.columns.burned_in is None:
        return None
    text = row.values[card.columns.burned_in].lower()
    if text not in _YES and text not in _NO:
        problems.add(f"row {row.number}, column '{card.columns.burned_in}': is not yes or no")
    return text in _YES or None  # a file of DICOM may say yes where the table does not


def _quality(card: DatasetCard, row: Row, problems: Problems) -> float | None:
    if card.mask_quality is None or card.mask_quality.column is None:
        return None
    text = row.values[card.mask_quality.column]
    try:
        return float(text) if text else None
    except ValueError:
        problems.add(f"row {row.number}, column '{card.mask_quality.column}': is not a number")
        return None


register_reader(Manifest())
