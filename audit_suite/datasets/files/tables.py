"""Read the CSV files that list images, strictly: errors name the file and the row."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, overload

from audit_suite.cards import DatasetCard
from audit_suite.datasets.once import kept_once
from audit_suite.errors import AuditError

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its line as an editor counts (the header is line 1), and its fields, stripped."""

    number: int
    values: Mapping[str, str]


class _Cells(Mapping[str, str]):
    """The cells of one row of `Rows`, by column."""

    __slots__ = ("_at", "_columns")

    def __init__(self, columns: dict[str, list[str]], at: int) -> None:
        self._columns, self._at = columns, at

    def __getitem__(self, column: str) -> str:
        return self._columns[column][self._at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class Rows(Sequence[Row]):
    """The rows of a table, held by column and made when looked at.

    A dictionary for each row would take several times the memory.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._numbers = array("q")
        self._columns: dict[str, list[str]] = {}
        once: dict[str, Callable[[str], str]] = {}
        for row in rows:
            self._numbers.append(row.number)
            for column, cell in row.values.items():
                if column not in once:
                    once[column], self._columns[column] = kept_once(str), []
                self._columns[column].append(once[column](cell))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        return Row(self._numbers[place], _Cells(self._columns, place))


def read_rows(path: Path, keys: str, ragged: bool = False, delimiter: str | None = None) -> Rows:
    """Read a whole CSV file; see `stream_rows`.

    Raises:
        AuditError: As there, or if it holds no rows.
    """
    rows = Rows(stream_rows(path, keys, ragged, delimiter))
    if not rows:
        raise AuditError(f"{path} holds no rows", "it needs a header and one row per image")
    return rows


def stream_rows(
    path: Path, keys: str, ragged: bool = False, delimiter: str | None = None
) -> Iterator[Row]:
    """Read a CSV file row by row, also if it is packed with gzip.

    Args:
        path: The file.
        keys: The card's keys that name it, for messages.
        ragged: Allow a comma at the end of rows, with or without one in the header, as some
            publishers write them; nothing may follow it.
        delimiter: What separates columns; None to tell by the header line.

    Raises:
        AuditError: If it is missing, is not UTF-8 text, names a column twice, or a row does not
            have as many fields as the header.
    """
    row = 0
    try:
        with _open(path) as file, _long_fields():
            separated_by = delimiter or _delimiter(path, file)
            reader = csv.DictReader(file, strict=True, delimiter=separated_by)
            names = reader.fieldnames or ()
            _refuse_columns_of_one_name(path, names)
            for values in reader:
                row = reader.line_num
                extra = values.pop(None, [])
                nameless = ragged and not names[-1] and values[names[-1]]
                if nameless or (any(extra) if ragged else extra) or None in values.values():
                    raise AuditError(
                        f"{path} row {row}: does not have as many fields as the header",
                        f"check for a missing quotation mark or {_NAMES[separated_by]}",
                    )
                yield Row(row, {k: v.strip() for k, v in values.items()})
    except FileNotFoundError:
        raise AuditError(
            f"{path} does not exist", f"correct the keys {keys} of the data set card"
        ) from None
    except UnicodeDecodeError:
        where, encoding = _not_utf8(path)
        raise AuditError(
            f"{path} is not UTF-8 text ({where}): it looks like {encoding}",
            "save it as UTF-8, in Excel as 'CSV UTF-8', or convert it: "
            f"iconv -f {encoding.upper()} -t UTF-8",
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


def _delimiter(path: Path, file: TextIO) -> str:
    """What separates the columns, by the header line: that which makes most columns of it.

    Raises:
        AuditError: If two characters make as many.
    """
    header = file.readline()
    file.seek(0)
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in _NAMES}
    best = [mark for mark, count in counts.items() if count == max(counts.values())]
    if len(best) > 1 and counts[best[0]] > 1:
        names = " and the ".join(_NAMES[mark] for mark in best)
        raise AuditError(
            f"{path} row 1: the {names} separate as many columns: which one is it?",
            f"write it into the card, for example delimiter = {json.dumps(best[0])}",
        )
    return best[0]


def _not_utf8(path: Path) -> tuple[str, str]:
    """Where a file stops being UTF-8, and the encoding that it looks like."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = file.read()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "row 1", "UTF-16"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        return f"row {row}, byte {error.start}", "Windows-1252"
    return "row 1", "another encoding"


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
