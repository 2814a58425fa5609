"""Read the CSV files that list images, strictly: errors name the file and the row."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError


@dataclass(frozen=True)
class Row:
    """A row: its line as an editor counts (the header is line 1), and its fields, stripped."""

    number: int
    values: dict[str, str]


def read_rows(path: Path, keys: str, ragged: bool = False) -> list[Row]:
    """Read a whole CSV file; see `stream_rows`.

    Raises:
        AuditError: As there, or if it holds no rows.
    """
    rows = list(stream_rows(path, keys, ragged))
    if not rows:
        raise AuditError(f"{path} holds no rows", "it needs a header and one row per image")
    return rows


def stream_rows(path: Path, keys: str, ragged: bool = False) -> Iterator[Row]:
    """Read a CSV file row by row, also if it is packed with gzip.

    Args:
        path: The file.
        keys: The card's keys that name it, for messages.
        ragged: Allow a comma at the end of rows, with or without one in the header, as some
            publishers write them; nothing may follow it.

    Raises:
        AuditError: If it is missing, is not UTF-8 text, names a column twice, or a row does not
            have as many fields as the header.
    """
    row = 0
    try:
        with _open(path) as file, _long_fields():
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or ()
            _refuse_columns_of_one_name(path, names)
            for values in reader:
                row = reader.line_num
                extra = values.pop(None, [])
                nameless = ragged and not names[-1] and values[names[-1]]
                if nameless or (any(extra) if ragged else extra) or None in values.values():
                    raise AuditError(
                        f"{path} row {row}: does not have as many fields as the header",
                        "check for a missing quotation mark or comma",
                    )
                yield Row(row, {k: v.strip() for k, v in values.items()})
    except FileNotFoundError:
        raise AuditError(
            f"{path} does not exist", f"correct the keys {keys} of the data set card"
        ) from None
    except UnicodeDecodeError as error:
        raise AuditError(
            f"{path} is not UTF-8 text (byte {error.start})", "save it as UTF-8 and try again"
        ) from None
    except (OSError, EOFError, csv.Error, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise AuditError(
            f"{path} cannot be read after row {row}: {why}", "check the file, or download it again"
        ) from None


def require_columns(card: DatasetCard, path: Path, rows: Sequence[Row], *names: str) -> None:
    """Refuse a file that lacks a column of the published one.

    Raises:
        AuditError: If one is missing; names the columns that are there.
    """
    present = rows[0].values
    if missing := [name for name in names if name not in present]:
        raise AuditError(
            f"{path} has no column {missing}, which files of '{card.reader}' have",
            f"check the key 'files' of {card.path}; {columns_there(present, names)}",
        )


def columns_there(
    present: Iterable[str], wanted: Iterable[str], words: str = "columns there:"
) -> str:
    """What to say of the columns of a table, in which some that are wanted are missing.

    Without any of them the first line may be an image's row: its cells are not shown.
    """
    names = list(present)
    if not set(names) & set(wanted):
        return "its first line names none of the columns: is it a header?"
    return f"{words} {', '.join(names)}"


def _refuse_columns_of_one_name(path: Path, names: Sequence[str]) -> None:
    """Only the last of them would be read; columns without a name are never read."""
    places = [i for i, name in enumerate(names, start=1) if name and names.count(name) > 1]
    if places:
        raise AuditError(
            f"{path} row 1: columns {', '.join(map(str, places))} do not have names of their own",
            "rename or drop the others; the first row must name the columns",
        )


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift csv's limit, which is one for the whole process: masks and reports are longer."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
