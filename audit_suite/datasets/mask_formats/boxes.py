"""Boxes in a table, one or several rows an image, as NIH, RSNA, VinDr and MS-CXR publish them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Mask, RegionSource
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.files.mask_tables import Size, TableSpec, by_rows, size_columns, size_of
from audit_suite.datasets.files.tables import Row
from audit_suite.datasets.shapes import box_mask
from audit_suite.errors import AuditError

_BLANK = ("", "nan", "none", "null")


class BoxesSpec(TableSpec):
    """Boxes of a table; those of an image, also by several readers, are united."""

    table: str
    """The table, below the root."""
    columns: tuple[str, str, str, str]
    """The four columns of a box: left, top, and then what ``box`` says."""
    box: Literal["xyxy", "xywh"]
    """Whether the last two columns are the right and bottom edges, or the width and height."""
    units: Literal["pixels", "fraction"] = "pixels"
    """Whether the numbers count pixels or are fractions of the image's width and height."""
    size: Size | None = None
    """Height and width of the images on which boxes in pixels were drawn, as numbers or as two
    columns, where the audited files are the same images resized: boxes are stretched likewise.
    Without it, boxes are in pixels of the file."""

    @model_validator(mode="after")
    def _size_is_of_pixels(self) -> BoxesSpec:
        if self.size is not None and self.units == "fraction":
            raise ValueError("has a size, which boxes in fractions do not need: drop it")
        return self


@dataclass(frozen=True)
class Box(RegionSource):
    """A box: left, top, right and bottom, in a frame of some size or of the image's own."""

    edges: tuple[float, float, float, float]
    drawn_on: tuple[float, float] | None
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The pixels whose centres lie in the box."""
        across, down = 1.0, 1.0
        if self.drawn_on is not None:
            across, down = shape[1] / self.drawn_on[1], shape[0] / self.drawn_on[0]
        left, top, right, bottom = self.edges
        return box_mask((left * across, top * down, right * across, bottom * down), shape)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the box."""
        digest.update(f"{self.edges} {self.drawn_on}".encode())


@dataclass(frozen=True)
class Boxes(MaskFormat):
    """Rows of boxes; a row whose four cells are blank says that there is none."""

    name: str = "boxes"
    keys: type[BoxesSpec] = BoxesSpec

    def open(self, card: DatasetCard, region: str, spec: BoxesSpec) -> Find:
        """What finds the boxes of an image.

        Raises:
            AuditError: If the table is wrong, or a box is not four numbers; names the row.
        """

        def part(row: Row, where: str) -> Box | None:
            edges = _edges(spec, row, where)
            if edges is None:
                return None
            relative = (1.0, 1.0) if spec.units == "fraction" else None
            return Box(edges, relative or size_of(spec.size, row, where), where)

        return by_rows(card, region, spec, (*spec.columns, *size_columns(spec.size)), part)


def _edges(spec: BoxesSpec, row: Row, where: str) -> tuple[float, float, float, float] | None:
    cells = [row.values[column] for column in spec.columns]
    if all(cell.lower() in _BLANK for cell in cells):
        return None
    numbers = []
    for column, cell in zip(spec.columns, cells, strict=True):
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise AuditError(
                f"{where}, column '{column}': is not a number, as the edge of a box must be",
                "correct the row, or leave all four cells blank if it has no box",
            )
        numbers.append(number)
    left, top, third, fourth = numbers
    if spec.box == "xywh":
        third, fourth = left + third, top + fourth
    return left, top, third, fourth


register_mask_format(Boxes())
