"""A folder of DICOM files with a table of labels: the form in which hospitals hold their images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.dicom import is_dicom, read_identity
from audit_suite.datasets.files.assemble import dataset_from
from audit_suite.datasets.files.entry import Entry, RegionSource
from audit_suite.datasets.files.labels import Labels, column_labels
from audit_suite.datasets.files.masks import MaskFile
from audit_suite.datasets.files.metadata import declared_columns, metadata_of, refuse_unknown_tags
from audit_suite.datasets.files.paths import file_of, folder_of, homes, leaving
from audit_suite.datasets.files.patients import note_missing_patient, patient_of
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.roi import refuse_several_regions, roi_of_reader
from audit_suite.datasets.files.tables import Row, columns_there, read_rows
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError

_UID, _FILE = "sop_instance_uid", "file"


@dataclass(frozen=True)
class DicomFolder(Reader):
    """Every DICOM file under ``root``; ``files.labels`` is a CSV with one row per file.

    The table has a column ``sop_instance_uid`` or ``file`` (path below the root), and for every
    target a column of labels. Patients are known by the header's PatientID, hashed as soon as it
    is read, or by the table's columns ``columns.patient`` if it has them. ``files.masks`` is a
    folder of mask files, each named by the UID of its image or by the stem of the image's file.
    """

    name: str = "dicom"
    needed_files: frozenset[str] = frozenset({"labels"})
    optional_files: frozenset[str] = frozenset({"masks"})
    selects_rows: bool = True

    def check(self, card: DatasetCard) -> None:
        """Nothing more: the keys about the table of labels count."""

    def read(self, card: DatasetCard) -> Dataset:
        """Match the rows of the table to the files.

        Raises:
            AuditError: If a file, row or patient is missing; names table and row, never a patient.
        """
        refuse_unknown_tags(card)
        refuse_several_regions(card, "masks")
        path = file_of(card, "labels")
        rows = read_rows(path, "'files.labels'", delimiter=card.delimiter)
        key = _key_column(card, path, rows)
        problems = Problems(card, path)
        files = _files(card, key, problems)
        masks = _Masks(card, files)
        listed = _listed(card, key, rows, files, problems)
        patients = {one.row.number: one.patient for one in listed}
        labels = column_labels(
            card, [one.row for one in listed], lambda row: patients[row.number], problems
        )
        entries = [
            _entry(card, one, its, masks, problems) for one, its in zip(listed, labels, strict=True)
        ]
        if unlisted := len(files.keys() - {row.values[key] for row in rows}):
            problems.add(f"{unlisted} DICOM files under the root have no row in the table")
        _refuse_one_id(path, entries)
        return dataset_from(card, entries, problems)


def _refuse_one_id(path: Path, entries: Sequence[Entry]) -> None:
    if len(entries) > 1 and len({entry.patient for entry in entries}) == 1:
        raise AuditError(
            f"{path}: one PatientID in all files: the export was de-identified; give patients in "
            f"a column",
            "add a column patient_id, of made-up ids that tell patients apart, or name another "
            "with columns.patient",
        )


@dataclass(frozen=True, repr=False)
class _File(Discreet):
    """A DICOM file: path, UID, hash of its patient (empty if none is named), hash to know it by."""

    path: Path
    uid: str
    patient: str
    id: str
    burned_in: bool


@dataclass(frozen=True, repr=False)
class _Listed(Discreet):
    """A row of the table with its file, its patient (hashed), and where it names the file."""

    row: Row
    file: _File
    patient: str
    where: str


class _Masks:
    """The mask files, by the image's UID or by its file name."""

    def __init__(self, card: DatasetCard, files: dict[str, _File]) -> None:
        folder = folder_of(card, "masks") if "masks" in card.files else None
        listed = sorted(folder.iterdir()) if folder else []
        self._by_stem = {mask.stem: mask for mask in listed if mask.is_file()}
        self._images = Counter(file.path.stem for file in files.values())

    def of(self, file: _File, where: str, problems: Problems) -> Path | None:
        """The mask of an image; the name of several images is noted as a problem."""
        mask = self._by_stem.get(file.uid) or self._by_stem.get(file.path.stem)
        if mask is not None and mask.stem != file.uid and self._images[file.path.stem] > 1:
            problems.add(f"{where}: several files share the name of its mask; name masks by UID")
        return mask


def _key_column(card: DatasetCard, path: Path, rows: Sequence[Row]) -> str:
    """The column that names a row's file; all other columns that the card names must exist too."""
    present = rows[0].values
    columns = [target.column or name for name, target in card.targets.items()]
    patients = card.columns.patients if len(card.columns.patients) > 1 else ()
    wanted = dict.fromkeys([*columns, *patients, *card.filter, *declared_columns(card)])
    key = next((name for name in (_UID, _FILE) if name in present), None)
    if key is None or wanted.keys() - present.keys():
        raise AuditError(
            f"{path} lacks columns: "
            + columns_there(present, (_UID, _FILE, *wanted), "it has the columns"),
            f"it needs {_UID} or {_FILE}, and {', '.join(wanted)}",
        )
    return key


def _listed(
    card: DatasetCard,
    key: str,
    rows: Sequence[Row],
    files: dict[str, _File],
    problems: Problems,
) -> list[_Listed]:
    """The rows that have a file and a patient; the table's patients replace the headers'."""
    in_table = set(card.columns.patients) <= rows[0].values.keys()
    listed = []
    for row in rows:
        file = files.get(row.values[key])
        where = f"row {row.number}, column '{key}'"
        if file is None:
            problems.add_bad_file(f"{where}: there is no DICOM file with that name")
        elif not file.patient and not in_table:
            problems.add_bad_file(f"{where}: the file's header names no patient")
        else:
            if in_table:
                note_missing_patient(card.columns, row, problems)
            patient = _hashed(patient_of(card.columns, row)) if in_table else file.patient
            listed.append(_Listed(row, file, patient, where))
    return listed


def _files(card: DatasetCard, key: str, problems: Problems) -> dict[str, _File]:
    """The DICOM files under the root, by what the table names a file by."""
    files: dict[str, _File] = {}
    root = card.resolve(card.root)
    leaves = leaving(homes(card))
    for number, path in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
        where = f"file {number + 1} under the root"
        if leaves(path):
            continue  # if the table lists it, its row says that there is no such file
        try:
            if not is_dicom(path):
                continue
            identity = read_identity(path)
        except (ValueError, OSError) as error:
            why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            problems.add_bad_file(f"{where} {why}")
            continue
        if identity.is_directory:
            continue
        if not identity.is_image:
            problems.add_bad_file(f"{where} holds no image, but a report or presentation state")
            continue
        uid, patient = identity.uid, identity.patient
        relative = path.relative_to(root).as_posix()
        name = uid if key == _UID else relative
        if not name:
            problems.add_bad_file(f"{where} has no SOP instance UID")
            continue
        if name in files:
            problems.add("two files under the root have the same SOP instance UID")
        hashed = _hashed(patient) if patient else ""
        files[name] = _File(path, uid, hashed, _hashed(uid or relative), identity.burned_in)
    return files


def _hashed(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def _entry(
    card: DatasetCard, listed: _Listed, labels: Labels, masks: _Masks, problems: Problems
) -> Entry:
    row, where, file = listed.row, listed.where, listed.file
    mask = masks.of(file, where, problems)
    regions: dict[str, RegionSource] = (
        {name: MaskFile(str(mask), where) for name in roi_of_reader(card)} if mask else {}
    )
    return Entry(
        row=row.number,
        where=where,
        file=str(file.path),
        id=file.id,
        patient=listed.patient,
        labels=labels.labels,
        metadata={
            **metadata_of(card, file.path, where, problems, row.values),
            **{name: row.values[name] for name in card.filter},
        },
        regions=regions,
        burned_in=file.burned_in,
        ruled=labels.ruled,
        columns=row.values,
    )


register_reader(DicomFolder())
