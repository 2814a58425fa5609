"""Formats whose masks are rows of a table that all images share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

from pydantic import Field

from audit_suite.cards import DatasetCard
from audit_suite.cards.regions import MaskSpec
from audit_suite.datasets.files.entry import Entry, RegionSource
from audit_suite.datasets.files.mask_format import Find
from audit_suite.datasets.files.masks import United
from audit_suite.datasets.files.matching import Matcher
from audit_suite.datasets.files.tables import Row, columns_there, read_rows
from audit_suite.errors import AuditError

Side = int | str
Size = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | tuple[str, str]

_LISTED = 20  # values of a column that a message lists


class TableSpec(MaskSpec):
    """Rows of a table (CSV) that all images share; the rows of an image are united."""

    table: str | None = None
    """The table, below the root."""
    image: str = "image"
    """The table's column that names the image: its path below the root, its file's name with or
    without the ending, or its id."""
    match: str = ""
    """What the table calls an image, as a template of the image's own row, such as
    ``{sop_instance_uid}``; without it the ways of ``image`` are tried in turn."""
    where: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Columns and the values, or lists of values, that a row must have to be used."""


def by_rows(
    card: DatasetCard,
    region: str,
    spec: TableSpec,
    columns: Iterable[str],
    part: Callable[[Row, str], RegionSource | None],
) -> Find:
    """What finds the rows of an image.

    Args:
        card: The data set's card.
        region: The region's name.
        spec: Its keys, with a table.
        columns: Columns that the table must have, apart from those of ``image`` and ``where``.
        part: What a row shows, given the words that name the row; None if it shows nothing.

    Raises:
        AuditError: If the table cannot be read, lacks a column, or no row is used.
    """
    path = card.resolve(card.root) / (spec.table or "")
    rows = read_rows(path, f"'regions.{region}.table'")
    wanted = dict.fromkeys([spec.image, *columns, *spec.where])
    if missing := [name for name in wanted if name not in rows[0].values]:
        raise AuditError(
            f"{card.path}: key 'regions.{region}' names {missing}: no such column in {path}",
            columns_there(rows[0].values, wanted),
        )
    listed: dict[str, list[RegionSource]] = {}
    for row in _used(card, region, spec, rows):
        source = part(row, f"{path.name} row {row.number}")
        if source is not None:
            listed.setdefault(row.values[spec.image], []).append(source)
    matcher = Matcher(card, listed, spec.match)

    def find(entry: Entry) -> RegionSource | str:
        parts = matcher(entry)
        if parts is None:
            return f"{entry.where}: {path.name} has no row of 'regions.{region}' for the image"
        return United(entry.where, tuple(parts))

    return find


def size_of(size: Size | None, row: Row, where: str) -> tuple[int, int] | None:
    """Height and width that a card gives as numbers or as columns; None if it gives neither.

    Raises:
        AuditError: If a cell is not a side of an image; names the row.
    """
    if size is None:
        return None
    sides = []
    for side in size:
        text = row.values[side] if isinstance(side, str) else str(side)
        try:
            number = int(float(text))
        except (ValueError, OverflowError):
            number = 0
        if number < 1:
            raise AuditError(
                f"{where}, column '{side}': is not a height or width in pixels",
                "correct the row, or the region's key 'size'",
            )
        sides.append(number)
    return sides[0], sides[1]


def size_columns(size: Size | None) -> tuple[str, ...]:
    """The columns that a card names as the size."""
    return tuple(side for side in size or () if isinstance(side, str))


def _used(card: DatasetCard, region: str, spec: TableSpec, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows that the region's ``where`` selects."""
    chosen = rows
    for column, values in spec.where.items():
        allowed = {values} if isinstance(values, str) else set(values)
        if not any(row.values[column] in allowed for row in rows):
            there = sorted({row.values[column] for row in rows})
            few = 2 * len(there) <= len(rows) or len(there) <= _LISTED // 2
            raise AuditError(
                f"{card.path}: key 'regions.{region}.where': no row has "
                f"{column} = {' or '.join(sorted(allowed))}",
                f"the column holds {', '.join(there[:_LISTED])}"
                if few and len(there) <= _LISTED
                else "compare the spelling with the column",
            )
        chosen = [row for row in chosen if row.values[column] in allowed]
    return chosen
