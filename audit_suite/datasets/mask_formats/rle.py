"""Run lengths in a column of the list of images, or of a table of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.files.mask_tables import Size, TableSpec, by_rows, size_columns, size_of
from audit_suite.datasets.files.tables import Row
from audit_suite.datasets.run_lengths import decode_counts, decode_runs
from audit_suite.datasets.shapes import frame
from audit_suite.errors import AuditError

_BLANK = ("", "nan", "none", "-1")


class RunLengthSpec(TableSpec):
    """Run lengths, in a column of the list of images or of a table with its own rows."""

    column: str
    """The column that holds the run lengths, of the table or else of the list of images."""
    encoding: Literal["kaggle", "coco", "chexmask"]
    """``kaggle``: pairs of start (from 1) and length, column by column; ``chexmask``: such pairs,
    row by row; ``coco``: COCO's text, list of counts, or object with size and counts."""
    size: Size | None = None
    """Height and width of the masks, as numbers or as two columns; without it, the image's."""

    @model_validator(mode="after")
    def _selects_rows_of_a_table(self) -> RunLengthSpec:
        if not self.table and (self.where or self.match):
            raise ValueError("has where or match, which select rows of a table: name one")
        return self

    @property
    def manifest_columns(self) -> tuple[str, ...]:
        """The columns of runs and sizes, where they are not in a table of their own."""
        return () if self.table else (self.column, *size_columns(self.size))


@dataclass(frozen=True)
class Runs(RegionSource):
    """One text of run lengths."""

    text: str
    encoding: str
    size: tuple[int, int] | None
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, of its own size if that is known, else of the image's."""
        height, width = self.size or shape
        if self.encoding == "chexmask":
            return decode_runs(self.text, height, width)
        if self.encoding == "kaggle":
            return decode_runs(self.text, width, height).T
        return read_counts(self.text, (height, width))

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the runs."""
        digest.update(f"{self.encoding} {self.size} {self.text}".encode())


def read_counts(text: str, shape: tuple[int, int]) -> Mask:
    """Decode COCO's run lengths in a cell.

    Args:
        text: The text of counts, a JSON list of them, or a JSON object with size and counts.
        shape: Height and width, where the cell does not give them.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it is none of these.
    """
    if text[-1:] not in (
        "}",
        "]",
    ):  # either, at the end, would say that more of COCO's text follows
        return decode_counts(text, *shape)
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("has counts that are not JSON") from None
    return decode_object(content if isinstance(content, dict) else {"counts": content}, shape)


def decode_object(content: dict[str, Any], shape: tuple[int, int] | None) -> Mask:
    """Decode COCO's object of run lengths.

    Args:
        content: ``counts``, and ``size`` (height and width) unless ``shape`` is given.
        shape: Height and width where there is no size.

    Raises:
        ValueError: If it has no counts or size, or they do not fit.
    """
    counts, size = content.get("counts"), content.get("size", shape)
    if not isinstance(counts, str | list) or not isinstance(size, list | tuple) or len(size) != 2:
        raise ValueError("has run lengths without size and counts")
    return decode_counts(counts, *frame(*size))


@dataclass(frozen=True)
class RunLengths(MaskFormat):
    """Run lengths; blank, ``nan`` and ``-1`` say that there is no mask."""

    name: str = "rle"
    keys: type[RunLengthSpec] = RunLengthSpec

    def open(self, card: DatasetCard, region: str, spec: RunLengthSpec) -> Find:
        """What finds the runs of an image.

        Raises:
            AuditError: If the table is missing or lacks a column.
        """

        def part(row: Row, where: str) -> Runs | None:
            text = row.values[spec.column]
            if text.lower() in _BLANK:
                return None
            return Runs(text, spec.encoding, size_of(spec.size, row, where), where)

        if spec.table:
            return by_rows(card, region, spec, (spec.column, *size_columns(spec.size)), part)

        def find(entry: Entry) -> RegionSource | str:
            where = f"row {entry.row}, column '{spec.column}'"
            if missing := [name for name in spec.manifest_columns if name not in entry.columns]:
                raise AuditError(
                    f"{card.path}: key 'regions.{region}' names {missing}: images have no such "
                    f"column",
                    f"columns there: {', '.join(entry.columns) or 'none'}; name a table",
                )
            return part(Row(entry.row, entry.columns), where) or f"{where}: holds no runs"

        return find


register_mask_format(RunLengths())
