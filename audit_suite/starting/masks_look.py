"""How masks are kept, by what their folder or file holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit_suite.datasets.files.tables import Row, read_rows
from audit_suite.errors import AuditError
from audit_suite.starting.answers import Answers
from audit_suite.starting.toml_lines import card_path

_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")
_CORNERS = (
    (("x_min", "y_min", "x_max", "y_max"), "xyxy"),
    (("xmin", "ymin", "xmax", "ymax"), "xyxy"),
    (("x1", "y1", "x2", "y2"), "xyxy"),
    (("x0", "y0", "x1", "y1"), "xyxy"),
    (("left", "top", "right", "bottom"), "xyxy"),
    (("x", "y", "width", "height"), "xywh"),
    (("x", "y", "w", "h"), "xywh"),
)
_RUNS = ("encodedpixels", "segmentation", "rle_mask")
_NAMES = re.compile(r"image|file|uid|study|path|^id$", re.IGNORECASE)
_SOME = 50  # files that are looked at


def region_keys(masks: Path, root: Path, stems: Sequence[str], answers: Answers) -> dict[str, Any]:
    """The keys of a region, by what its masks are.

    Args:
        masks: The folder or file.
        root: The data set's root.
        stems: Names of the images without their endings.
        answers: Notes what was assumed.

    Raises:
        AuditError: If the path is missing or of no known kind.
    """
    if masks.is_dir():
        return _folder(masks, root, stems, answers)
    if not masks.is_file():
        raise AuditError(f"--masks: {masks} does not exist", "name a folder of masks, or a file")
    if masks.suffix.lower() == ".json":
        return _json(masks, root, answers)
    if masks.suffix.lower() in (".csv", ".tsv", ".txt", ".gz"):
        return _table(masks, root, stems, answers)
    raise _unknown(masks)


def _folder(masks: Path, root: Path, stems: Sequence[str], answers: Answers) -> dict[str, Any]:
    files = sorted(path for path in masks.rglob("*") if path.is_file())
    kinds = Counter(
        "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix for path in files
    )
    if not kinds:
        raise AuditError(f"--masks: {masks} holds no files", "name the folder of the masks")
    ending = kinds.most_common(1)[0][0].lower()
    where = card_path(masks, root)
    place = _template(
        [f for f in files if f.name.lower().endswith(ending)], stems, ending, where, masks
    )
    if ending in _IMAGES:
        answers.assume(f"masks are image files in {masks.name}: what is white is the region")
        return place
    if ending in (".nii", ".nii.gz", ".npy"):
        answers.assume(f"masks are {ending} files in {masks.name}")
        return {"format": "npy" if ending == ".npy" else "nifti", **place}
    if ending == ".json":
        labels = _labelme(files)
        answers.assume(f"outlines are those of LabelMe; the region is '{labels[0]}'")
        return {"format": "labelme", **place, "label": labels[0]}
    if ending in (".dcm", ""):
        answers.assume("masks are DICOM segmentations")
        return {"format": "dicom-seg", "folder": where}
    raise _unknown(masks)


def _template(
    files: Sequence[Path], stems: Sequence[str], ending: str, where: str, masks: Path
) -> dict[str, Any]:
    """`folder` if masks are named as images are, else a template such as ``{stem}_mask.png``."""
    names = [path.name[: -len(ending)] for path in files]
    known = set(stems)
    if not stems or sum(name in known for name in names) >= len(names) / 2:
        return {"folder": where}
    for mark in ("{stem}%s", "%s{stem}"):
        additions = Counter(
            addition
            for name in names
            for stem in _within(name, known)
            if (addition := name.removeprefix(stem) if mark[0] == "{" else name.removesuffix(stem))
            != name
        )
        if additions:
            addition, count = additions.most_common(1)[0]
            if count >= len(names) / 2:
                return {"files": f"{where}/{mark % addition}{ending}"}
    raise AuditError(
        f"--masks: files of {masks} are not named as the images are (for example {files[0].name})",
        'write a template under [regions], such as files = "masks/{stem}_mask.png"',
    )


def _within(name: str, stems: set[str]) -> list[str]:
    """The images' names with which a mask's name begins or ends."""
    parts = {name[:end] for end in range(1, len(name))} | {
        name[start:] for start in range(1, len(name))
    }
    return sorted(parts & stems, key=len, reverse=True)[:1]


def _json(masks: Path, root: Path, answers: Answers) -> dict[str, Any]:
    try:
        content = json.loads(masks.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise AuditError(
            f"--masks: {masks} is not readable JSON: {error}", "check the file"
        ) from None
    if isinstance(content, dict) and "annotations" in content and "categories" in content:
        names = [str(each.get("name")) for each in content["categories"]]
        used = {each.get("category_id") for each in content["annotations"]}
        there = [str(c.get("name")) for c in content["categories"] if c.get("id") in used] or names
        answers.assume(f"outlines are COCO's; the region is: {', '.join(there)}")
        category: Any = there[0] if len(there) == 1 else there
        return {"format": "coco", "file": card_path(masks, root), "category": category}
    if isinstance(content, dict) and all(isinstance(value, dict) for value in content.values()):
        findings = sorted(
            {str(name) for value in content.values() for name in value} - {"img_size"}
        )
        if findings:
            chosen = answers.ask(f"Which of {', '.join(findings)} is the region", findings[0])
            return {"format": "chexlocalize", "file": card_path(masks, root), "finding": chosen}
    raise _unknown(masks)


def _table(masks: Path, root: Path, stems: Sequence[str], answers: Answers) -> dict[str, Any]:
    rows = read_rows(masks, "--masks")
    names = {name.lower(): name for name in rows[0].values}
    table = {"table": card_path(masks, root)}
    for corners, box in _CORNERS:
        if all(corner in names for corner in corners):
            columns = [names[corner] for corner in corners]
            image = _image_column(rows, stems, columns)
            answers.assume(f"boxes: columns {', '.join(columns)} ({box}), image by '{image}'")
            return {"format": "boxes", **table, "image": image, "columns": columns, "box": box}
    for name, column in names.items():
        if name in _RUNS or name.endswith("rle"):
            encoding = answers.ask(
                "Which run lengths are these (kaggle, coco or chexmask)", "kaggle", "the commonest"
            )
            image = _image_column(rows, stems, [column])
            runs = {"image": image, "column": column, "encoding": encoding}
            return {"format": "rle", **table, **runs}
    raise _unknown(masks)


def _image_column(rows: Sequence[Row], stems: Sequence[str], others: Sequence[str]) -> str:
    """The column that names the images: most of its cells do, or its own name says so."""
    known = set(stems)

    def rank(column: str) -> tuple[int, bool]:
        cells = [row.values[column] for row in rows]
        count = sum(cell in known or Path(cell).stem in known for cell in cells)
        return count, bool(_NAMES.search(column))

    return max((column for column in rows[0].values if column not in others), key=rank)


def _labelme(files: Sequence[Path]) -> list[str]:
    labels: Counter[str] = Counter()
    for path in files[:_SOME]:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            labels.update(str(shape["label"]) for shape in content["shapes"])
        except (ValueError, KeyError, TypeError, OSError):
            continue
    if not labels:
        raise AuditError(
            f"--masks: {files[0].parent} holds JSON files without LabelMe's shapes",
            "see the how-to on masks for the formats that are read",
        )
    return [label for label, _ in labels.most_common()]


def _unknown(masks: Path) -> AuditError:
    return AuditError(
        f"--masks: {masks} is of no kind that is known by itself",
        "write the cards without --masks, then add [regions] by the how-to on masks",
    )
