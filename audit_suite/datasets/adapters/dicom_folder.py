"""A folder of DICOM files with a table of labels: the form in which hospitals hold their images."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters.common import file_of, folder_of, refuse_several_regions
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.dicom import is_dicom, read_identity
from audit_suite.datasets.entries import Entry, MaskFile, Problems, RegionSource, build
from audit_suite.datasets.manifest import metadata_of, refuse_unknown_tags
from audit_suite.datasets.tables import LABELS, Row, read_rows
from audit_suite.errors import AuditError

_KEYS = ("sop_instance_uid", "file")


def read_dicom_folder(card: DatasetCard) -> Dataset:
    """Read every DICOM file under ``root``; ``files.labels`` is a CSV with a row a file.

    The table has a column ``sop_instance_uid`` or ``file`` (path below the root) and a column of
    0 and 1 a target. Patients are told apart by the header's PatientID, hashed as soon as it is
    read. ``files.masks`` is a folder of mask files named by the image file's stem or its UID.

    Raises:
        AuditError: If a file, row or patient is missing; names table and row, never a patient.
    """
    root = card.resolve(card.root)
    path = file_of(card, "labels")
    rows = read_rows(path, "'files.labels'")
    refuse_unknown_tags(card)
    key = next((name for name in _KEYS if name in rows[0].values), None)
    columns = {name: target.column or name for name, target in card.targets.items()}
    wanted = [*columns.values(), *card.filter]
    wanted += [name for name in card.metadata if not name.startswith("dicom.")]
    if key is None or set(wanted) - set(rows[0].values):
        raise AuditError(
            f"{path} has the columns {', '.join(rows[0].values)}",
            f"it needs {' or '.join(_KEYS)}, and {', '.join(dict.fromkeys(wanted))}",
        )
    refuse_several_regions(card, "masks")
    problems = Problems(card, path)
    files = _files(root, key, problems)
    by_name = _masks(card)
    stems = Counter(image.stem for image, _, _ in files.values())
    entries, used = [], set()
    for row in rows:
        found = files.get(row.values[key])
        where = f"row {row.number}, column '{key}'"
        if found is None:
            problems.add_bad_file(f"{where}: there is no DICOM file of that name")
            continue
        image, uid, patient = found
        used.add(image)
        if not patient:
            problems.add(f"{where}: the file's header names no patient")
        mask = by_name.get(uid) or by_name.get(image.stem)
        if mask is not None and mask.stem != uid and stems[image.stem] > 1:
            problems.add(
                f"{where}: several files have the name that its mask goes by: name masks by UID"
            )
        needed = {region for target in card.targets.values() for region in target.roi}
        regions: dict[str, RegionSource] = (
            {name: MaskFile(mask, None, where) for name in needed} if mask is not None else {}
        )
        entries.append(
            Entry(
                row=row.number,
                where=where,
                image=image,
                id=_hashed(uid or image.relative_to(root).as_posix()),
                patient=patient,
                labels=_labels(columns, row, problems),
                metadata={
                    **metadata_of(card, image, where, problems, row.values),
                    **{name: row.values[name] for name in card.filter},
                },
                regions=regions,
            )
        )
    if spare := len({image for image, _, _ in files.values()} - used):
        problems.add(f"{spare} DICOM files under the root have no row in the table")
    return build(card, entries, problems)


def _files(root: Path, key: str, problems: Problems) -> dict[str, tuple[Path, str, str]]:
    """Image file, UID and hashed patient, by what the table names a file by."""
    found: dict[str, tuple[Path, str, str]] = {}
    for number, file in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
        where = f"file {number + 1} under the root"
        try:
            if not is_dicom(file):
                continue
            uid, patient = read_identity(file)
        except (ValueError, OSError) as error:
            why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            problems.add_bad_file(f"{where} {why}")
            continue
        name = uid if key == "sop_instance_uid" else file.relative_to(root).as_posix()
        if not name:
            problems.add_bad_file(f"{where} has no SOP instance UID")
            continue
        if name in found:
            problems.add("two files under the root have one SOP instance UID")
        found[name] = (file, uid, _hashed(patient) if patient else "")
    return found


def _hashed(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()


def _masks(card: DatasetCard) -> dict[str, Path]:
    if "masks" not in card.files:
        return {}
    folder = folder_of(card, "masks")
    return {file.stem: file for file in sorted(folder.iterdir()) if file.is_file()}


def _labels(columns: dict[str, str], row: Row, problems: Problems) -> dict[str, int]:
    found = {}
    for name, column in columns.items():
        text = row.values[column]
        if text not in LABELS:
            said = "is missing" if not text else "is not 0 or 1"
            problems.add(f"row {row.number}, column '{column}': the label {said}")
        found[name] = LABELS.get(text, 0)
    return found
