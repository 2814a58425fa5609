"""CheXmask: run-length masks of lungs and heart for public chest X-rays, with their quality.

Gaggion et al., Scientific Data 11, 2024. Masks were segmented by HybridGNet, not drawn by people;
``Dice RCA (Mean)`` estimates their quality (reverse classification accuracy). Sourget et al. 2024
leave out images at or below .7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.datasets.files.entry import Mask, RegionSource
from audit_suite.datasets.files.tables import Row, columns_there, stream_rows
from audit_suite.datasets.run_lengths import decode_runs
from audit_suite.errors import AuditError

REGIONS = {"left-lung": "Left Lung", "right-lung": "Right Lung", "heart": "Heart"}
_IDS = ("ImageID", "Image ID", "Image Index", "image_id", "dicom_id", "Path")
_QUALITY = "Dice RCA (Mean)"
_BLANK = ("", "nan")
_LARGEST = 65_535  # pixels per side


@dataclass(frozen=True)
class RunLength(RegionSource):
    """A mask as ``start length start length ...``; starts count from 1, row by row."""

    runs: str
    height: int
    width: int
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, of the size that its row gives."""
        return decode_runs(self.runs, self.height, self.width)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the runs."""
        digest.update(f"{self.height} {self.width} {self.runs}".encode())


def read_chexmask(
    path: Path, wanted: Collection[str]
) -> dict[str, tuple[dict[str, RegionSource], float | None]]:
    """Masks and quality of some images.

    Args:
        path: The CSV of one data set, also packed (.csv.gz).
        wanted: Image ids; other rows are skipped.

    Returns:
        The region sources and the quality (None where it is blank) by image id.

    Raises:
        AuditError: If the file is not a CheXmask table, lists an image twice or none of those
            wanted, or a row is wrong.
    """
    masks: dict[str, tuple[dict[str, RegionSource], float | None]] = {}
    column = ""
    for row in stream_rows(path, "'files.masks'"):
        column = column or _id_column(path, row)
        image = row.values[column].rpartition("/")[2]
        if image not in wanted:
            continue
        if image in masks:
            raise AuditError(
                f"{path} row {row.number}: the image is listed a second time", "drop one of them"
            )
        masks[image] = _masks(path, row)
    if wanted and not masks:
        raise AuditError(
            f"{path} lists none of the data set's images",
            "check the key 'files.masks': CheXmask has one table per data set",
        )
    return masks


def _id_column(path: Path, row: Row) -> str:
    needed = [*REGIONS.values(), "Height", "Width", _QUALITY]
    column = next((name for name in _IDS if name in row.values), None)
    if column is None or any(name not in row.values for name in needed):
        raise AuditError(
            f"{path} is not a CheXmask table: "
            + columns_there(row.values, (*_IDS, *needed), "it has the columns"),
            f"it needs one of {', '.join(_IDS)}, and {', '.join(needed)}",
        )
    return column


def _masks(path: Path, row: Row) -> tuple[dict[str, RegionSource], float | None]:
    def number(name: str, least: float, most: float) -> float:
        try:
            value = float(row.values[name])
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise AuditError(
                f"{path} row {row.number}, column '{name}': is not a number from {least} to {most}",
                "restore the row from the published file",
            )
        return value

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
