"""Results, stored model by model, so that an interrupted run can continue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from detection.auditing import Row
from detection.grid import Setting


class Results:
    """A JSONL file of rows; a line truncated by a crash is ignored and its model run again."""

    def __init__(self, path: Path, instrument: str | None = None) -> None:
        """Open or create a file of results.

        Args:
            path: The file.
            instrument: Digest of the code whose results count (`auditing.instrument`); None for
                any code.
        """
        self._path = path
        self._instrument = instrument
        self._rows: dict[tuple[str, int, float], Row] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    self._take(Row.from_json(line))
                except ValueError:
                    continue

    def add(self, rows: Iterable[Row]) -> None:
        """Store rows; they are on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = self._path.read_bytes() if self._path.exists() else b""
        with self._path.open("a", encoding="utf-8") as file:
            if before and not before.endswith(b"\n"):
                file.write("\n")
            for row in rows:
                file.write(row.to_json() + "\n")
                self._take(row)
            file.flush()
            os.fsync(file.fileno())

    def of(self, settings: Sequence[Setting]) -> list[Row]:
        """The stored rows of these models."""
        keys = [(setting.key, *test) for setting in settings for test in setting.tests]
        return [self._rows[key] for key in keys if key in self._rows]

    def missing(self, settings: Sequence[Setting]) -> list[Setting]:
        """The models that have not been run yet."""
        return [s for s in settings if len(self.of([s])) < len(s.tests)]

    def _take(self, row: Row) -> None:
        if self._instrument in (None, row.instrument):
            self._rows[row.key, row.size, row.prevalence] = row
