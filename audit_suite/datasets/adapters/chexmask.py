"""CheXmask: run-length masks of lungs and heart for public chest X-rays, with their quality.

Gaggion et al., Scientific Data 11, 2024. Masks were segmented by HybridGNet, not drawn by people;
``Dice RCA (Mean)`` estimates their quality (reverse classification accuracy), and Sourget et al.
2024 leave images at or below .7 out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.datasets.entries import Mask, RegionSource
from audit_suite.datasets.tables import Row, stream_rows
from audit_suite.errors import AuditError

REGIONS = {"left-lung": "Left Lung", "right-lung": "Right Lung", "heart": "Heart"}
_IDS = ("ImageID", "Image ID", "Image Index", "image_id", "dicom_id", "Path")
_QUALITY = "Dice RCA (Mean)"
_BLANK = ("", "nan")
_LARGEST = 65_535  # pixels a side


@dataclass(frozen=True)
class RunLength:
    """A mask as ``start length start length ...``: starts count from 1, along the rows."""

    runs: str
    height: int
    width: int
    where: str

    def read(self) -> Mask:
        """The mask."""
        return decode_runs(self.runs, self.height, self.width)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the runs."""
        digest.update(f"{self.height} {self.width} {self.runs}".encode())


def decode_runs(runs: str, height: int, width: int) -> Mask:
    """Decode a run-length mask.

    Args:
        runs: Pairs of start (from 1, row by row) and length, separated by blanks.
        height: Rows.
        width: Columns.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: If the runs are no such pairs, leave the image, or overlap.
    """
    try:
        numbers = np.array(runs.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ValueError("has runs that are no whole numbers") from None
    if len(numbers) % 2:
        raise ValueError("has a run without a length: the text is cut off")
    size = height * width
    if len(numbers) and (numbers.min() < 1 or numbers.max() > size):  # before sums can overflow
        raise ValueError(f"has runs outside an image of {width} x {height} pixels")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    ends = starts + lengths
    if len(numbers) and ends.max() > size:
        raise ValueError(f"has runs outside an image of {width} x {height} pixels")
    if (starts[1:] < ends[:-1]).any():
        raise ValueError("has runs that overlap")
    steps = np.zeros(size + 1, np.int8)
    steps[starts] += 1
    np.subtract.at(steps, ends, 1)
    mask: Mask = np.cumsum(steps[:-1], dtype=np.int8).reshape(height, width) > 0
    return mask


def read_chexmask(
    path: Path, wanted: Collection[str]
) -> dict[str, tuple[dict[str, RegionSource], float | None]]:
    """Masks and quality of some images.

    Args:
        path: The CSV of one data set, also packed (.csv.gz).
        wanted: Image ids; other rows are passed over.

    Returns:
        By image id the region sources and the quality, None where it is blank.

    Raises:
        AuditError: If the file is no CheXmask table, lists an image twice or none that is wanted,
            or a row is wrong.
    """
    found: dict[str, tuple[dict[str, RegionSource], float | None]] = {}
    column = ""
    for row in stream_rows(path, "'files.masks'"):
        column = column or _id_column(path, row)
        image = row.values[column].rpartition("/")[2]
        if image not in wanted:
            continue
        if image in found:
            raise AuditError(
                f"{path} row {row.number}: the image is listed a second time", "drop one of them"
            )
        found[image] = _masks(path, row)
    if wanted and not found:
        raise AuditError(
            f"{path} lists none of the data set's images",
            "check the key 'files.masks': CheXmask has one table a data set",
        )
    return found


def _id_column(path: Path, row: Row) -> str:
    needed = [*REGIONS.values(), "Height", "Width", _QUALITY]
    column = next((name for name in _IDS if name in row.values), None)
    if column is None or any(name not in row.values for name in needed):
        raise AuditError(
            f"{path} is no table of CheXmask: it has the columns {', '.join(row.values)}",
            f"it needs one of {', '.join(_IDS)}, and {', '.join(needed)}",
        )
    return column


def _masks(path: Path, row: Row) -> tuple[dict[str, RegionSource], float | None]:
    def number(name: str, least: float, most: float) -> float:
        try:
            found = float(row.values[name])
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            raise AuditError(
                f"{path} row {row.number}, column '{name}': is no number from {least} to {most}",
                "restore the row from the published file",
            )
        return found

    height, width = (int(number(name, 1, _LARGEST)) for name in ("Height", "Width"))
    regions: dict[str, RegionSource] = {
        name: RunLength(
            row.values[column], height, width, f"({path.name} row {row.number}, column '{column}')"
        )
        for name, column in REGIONS.items()
        if row.values[column].lower() not in _BLANK
    }
    blank = row.values[_QUALITY].lower() in _BLANK
    return regions, None if blank else number(_QUALITY, 0, 1)
