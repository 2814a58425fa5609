"""The first card of a data set: which columns hold what, and what the labels' words mean."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.cards.target import plain
from audit_suite.datasets.files.label_advice import meaning, values_there
from audit_suite.datasets.files.paths import is_there
from audit_suite.datasets.files.tables import Row, read_rows
from audit_suite.datasets.tags import is_missing
from audit_suite.errors import AuditError
from audit_suite.starting.answers import Answers
from audit_suite.starting.chest_look import UNNAMED, regions_and_roi
from audit_suite.starting.masks_look import region_keys
from audit_suite.starting.toml_lines import Guess, card_path, slug

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_DICOM = (".dcm", ".dicom")
_PATIENT = re.compile(r"patient|subject|mrn|pid\b|person|participant", re.IGNORECASE)
_UID = re.compile(r"sop_?instance_?uid", re.IGNORECASE)
_TAGS = ("age", "sex", "gender", "view", "site", "hospital", "scanner", "manufacturer", "device")
_FILE = "image_file"  # column of a table that we write
_CLASS = "class"  # column of a table that we write: the folder of the image
_ENOUGH = 0.5  # share of rows whose file is there, for a column to be that of the images
_TRIED = 200  # rows that are looked at for it


@dataclass(frozen=True)
class DataOptions:
    """What a user said of the data.

    Attributes:
        images: Folder of the images.
        labels: Table of labels; None where each class has a folder of its own.
        patient: The columns that identify a patient; empty to guess.
        label: The column of labels; empty to guess.
        target: What is audited; empty for the label's column.
        masks: Folder or file of masks; None if there are none.
        region: Name of the region of the masks.
        name: Name of the data set; empty for that of its folder.
    """

    images: Path
    labels: Path | None = None
    patient: tuple[str, ...] = ()
    label: str = ""
    target: str = ""
    masks: Path | None = None
    region: str = UNNAMED
    name: str = ""


def data_keys(options: DataOptions, out: Path, answers: Answers) -> tuple[str, dict[str, Any]]:
    """The target, and the keys of a data set's card.

    Args:
        options: What the user said.
        out: Folder of the card.
        answers: Asks, or assumes.

    Raises:
        AuditError: If a folder or table is missing, or something must be said.
    """
    if not options.images.is_dir():
        raise AuditError(
            f"--images: {options.images} is not a folder", "name the folder that holds the images"
        )
    table = options.labels or _by_folder(options.images, out, answers)
    rows = read_rows(table, "--labels")
    columns = list(rows[0].values)
    keys: dict[str, Any] = {
        "schema": 1,
        "name": slug(options.name or options.images.resolve().name),
    }
    if _holds_dicom(options.images):
        files: set[str] = set()
        keys |= _dicom_keys(options.images, table, out, columns, answers)
    else:
        keys |= _manifest_keys(options.images, table, out, rows, answers)
        files = {keys["columns"]["image"]}
    patient = _patient(options, columns, files, keys["reader"], answers)
    if patient is not None:
        keys.setdefault("columns", {})["patient"] = patient
    taken = {
        *files,
        *([patient] if isinstance(patient, str) else patient or ()),
        *_identity(columns),
    }
    column = _label_column(options, rows, [name for name in columns if name not in taken], answers)
    target = slug(options.target or column)
    keys["targets"] = {target: _label_keys(rows, column, options, target, answers)}
    tags = [name for name in columns if name.lower() in _TAGS and name not in (*taken, column)]
    if tags and keys["reader"] == "manifest":
        keys["metadata"] = tags
        answers.assume(f"metadata: {', '.join(tags)}")
    if options.masks is not None:
        root = (out / keys["root"]).resolve()
        region = region_keys(options.masks, root, _stems(options.images), answers)
        if "table" in region and (uids := [name for name in columns if _UID.fullmatch(name)]):
            region["match"] = f"{{{uids[0]}}}"  # DICOM files are known by what the table calls them
        keys["regions"], keys["targets"][target]["roi"] = regions_and_roi(
            slug(options.region), region, options.masks, answers
        )
    return target, keys


def _manifest_keys(
    images: Path, table: Path, out: Path, rows: Sequence[Row], answers: Answers
) -> dict[str, Any]:
    """Root, manifest and image column: the column most of whose cells are files there."""
    some = rows[:_TRIED]
    best, root, share = "", images, 0.0
    for folder in dict.fromkeys((images.resolve(), table.resolve().parent)):
        for column in rows[0].values:
            there = sum(is_there(folder / row.values[column]) for row in some if row.values[column])
            if there / len(some) > share:
                best, root, share = column, folder, there / len(some)
    if share < _ENOUGH:
        return _with_paths(images, out, rows, answers)
    return {
        "reader": "manifest",
        "root": card_path(root, out),
        "manifest": card_path(table, root),
        "columns": {"image": best},
    }


def _with_paths(images: Path, out: Path, rows: Sequence[Row], answers: Answers) -> dict[str, Any]:
    """A table of our own with the files' paths, where the user's names images by their stems."""
    stems = {path.stem: path for path in _pictures(images)}
    names = rows[0].values
    counts = {
        column: sum(Path(row.values[column]).stem in stems for row in rows) for column in names
    }
    column = max(counts, key=lambda name: counts[name])
    if counts[column] < _ENOUGH * len(rows):
        raise AuditError(
            f"--labels: no column names the images of {images} (columns: {', '.join(names)})",
            "add a column with each image's file, as a path below --images",
        )
    lines = []
    for row in rows:
        image = stems.get(Path(row.values[column]).stem)
        there = "" if image is None else str(image.relative_to(images))
        lines.append([there, *row.values.values()])
    path = _write_table(out, names, lines)
    answers.assume(f"images are named by column '{column}' without their endings; wrote {path}")
    return {
        "reader": "manifest",
        "root": card_path(images, out),
        "manifest": card_path(path, images),
        "columns": {"image": _FILE},
    }


def _dicom_keys(
    images: Path, table: Path, out: Path, columns: Sequence[str], answers: Answers
) -> dict[str, Any]:
    if not _identity(columns):
        raise AuditError(
            f"--labels: {table.name} has neither a column sop_instance_uid nor file, by which rows "
            f"belong to DICOM files (columns: {', '.join(columns)})",
            "add one of them: file is the path below --images",
        )
    answers.assume("the images are DICOM files; patients are those of the headers")
    return {
        "reader": "dicom",
        "root": card_path(images, out),
        "files": {"labels": card_path(table, images)},
    }


def _identity(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if _UID.fullmatch(name) or name == "file"]


def _patient(
    options: DataOptions, columns: Sequence[str], files: set[str], reader: str, answers: Answers
) -> str | list[str] | None:
    if options.patient:
        if unknown := [name for name in options.patient if name not in columns]:
            raise AuditError(
                f"--patient: there is no column {', '.join(unknown)}",
                f"columns there: {', '.join(columns)}",
            )
        return options.patient[0] if len(options.patient) == 1 else list(options.patient)
    likely = [name for name in columns if _PATIENT.search(name)]
    if reader == "dicom" and not likely:
        return None
    if likely:
        return answers.ask("Which column identifies the patient", likely[0], "by its name")
    answers.assume(
        "no column looks like a patient's: each image counts as a patient of its own, which makes "
        "intervals too narrow if patients have several (--patient names the column)"
    )
    return next(iter(files))


def _label_column(
    options: DataOptions, rows: Sequence[Row], columns: Sequence[str], answers: Answers
) -> str:
    if options.label:
        if options.label not in rows[0].values:
            raise AuditError(
                f"--label: there is no column '{options.label}'",
                f"columns there: {', '.join(rows[0].values)}",
            )
        return options.label
    if options.labels is None:
        return _CLASS
    wanted = [
        name
        for name in columns
        if options.target and slug(options.target) in (slug(name), *map(slug, _words(rows, name)))
    ]
    clear = wanted or [name for name in columns if _is_label(rows, name)]
    if len(clear) == 1:
        return answers.ask("Which column holds the label", clear[0], "its values are yes and no")
    likely = clear or [n for n in columns if len(_words(rows, n)) > 1 and n.lower() not in _TAGS]
    return answers.need("which column holds the label", "--label", likely or columns)


def _words(rows: Sequence[Row], column: str) -> list[str]:
    """The words of a column, the most frequent first; none if it is no column of a few words."""
    cells = [(row.values[column], str(row.number)) for row in rows]
    return [word for word, _ in values_there(cells)]


def _is_label(rows: Sequence[Row], column: str) -> bool:
    words = [word for word in _words(rows, column) if plain(word) != "-1"]
    return bool(words) and column.lower() not in _TAGS and {meaning(w) for w in words} == {0, 1}


def _label_keys(
    rows: Sequence[Row], column: str, options: DataOptions, target: str, answers: Answers
) -> dict[str, Any]:
    words = _words(rows, column)
    keys: dict[str, Any] = {"column": column}
    known = {word: meaning(word) for word in words if plain(word) != "-1"}
    if set(known) <= {"0", "1", "0.0", "1.0"}:
        pass
    elif set(known.values()) == {0, 1}:
        keys["values"] = {
            word: known[word] for word in sorted(known, key=lambda w: -(known[w] or 0))
        }
        answers.assume(f"labels: {', '.join(f'{w} = {label}' for w, label in known.items())}")
    elif (same := [word for word in words if slug(word) == target]) or (
        same := [word for word in words if target in slug(word).split("-")]
    ):
        keys["equals"] = same[0]
        answers.assume(f"labels: '{same[0]}' against {', '.join(w for w in words if w != same[0])}")
    else:
        positive = answers.need(
            f"which value of column '{column}' is the finding '{target}'", "--target", words
        )
        keys["equals"] = positive
    blanks = [row.values[column] for row in rows if is_missing(row.values[column])]
    if blanks and "equals" in keys and {word.lower() for word in blanks} == {"none"}:
        keys["missing"] = Guess("negative", "the column says none where there is no finding")
        answers.assume(f"{len(blanks)} rows say none: they count as without {target} (missing)")
    elif blanks:
        keys["missing"] = Guess("exclude", f"{len(blanks)} rows have no label")
        answers.assume(f"{len(blanks)} rows without a label are left out (missing)")
    uncertain = sum(plain(row.values[column]) == "-1" for row in rows)
    if uncertain:
        keys["uncertain"] = Guess("exclude", f"{uncertain} rows say -1")
        answers.assume(f"{uncertain} rows with label -1 are left out (uncertain)")
    return keys


def _by_folder(images: Path, out: Path, answers: Answers) -> Path:
    """A table of images whose class is the name of their folder.

    Raises:
        AuditError: If there are fewer than two such folders.
    """
    pictures = [(path, path.parent.name) for path in _pictures(images) if path.parent != images]
    classes = sorted({name for _, name in pictures})
    if len(classes) < 2:
        raise AuditError(
            f"--images: {images} does not hold a folder for each class",
            "name a table of labels with --labels, or sort the images into folders such as normal "
            "and pneumonia",
        )
    lines = [[str(image.relative_to(images)), name] for image, name in pictures]
    path = _write_table(out, [_CLASS], lines)
    answers.assume(f"each folder is a class: {', '.join(classes)}; wrote {path}")
    return path


def _write_table(out: Path, columns: Iterable[str], rows: Sequence[Sequence[str]]) -> Path:
    """Write a table of our own: the image's file below the root, then some columns."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "images.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[_FILE, *columns], *rows])
    return path


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def _stems(folder: Path) -> list[str]:
    endings = (*PICTURES, *_DICOM)
    return sorted(path.stem for path in folder.rglob("*") if path.suffix.lower() in endings)


def _holds_dicom(folder: Path) -> bool:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()][:_TRIED]
    dicom = sum(path.suffix.lower() in _DICOM or _has_preamble(path) for path in files)
    return bool(files) and dicom > len(files) / 2


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"
