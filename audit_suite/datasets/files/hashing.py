"""Digests of single files, remembered between runs as long as the file was not touched."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path

_GRAIN = 2.0  # seconds: no file system's clock is coarser
_COLUMNS = "path TEXT PRIMARY KEY, state TEXT, digest TEXT, own TEXT"


def hash_content(path: Path) -> bytes:
    """SHA-256 of a file; of one that was not touched since it was hashed, as `remember` kept it."""
    with contextlib.suppress(OSError):
        if _kept is not None and (digest := _kept.find(path)) is not None:
            return digest
    before = path.stat()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    if _kept is not None:
        _kept.note(path, before, digest)
    return digest


def hash_size(path: Path) -> bytes:
    """Name and size of a file: they stand for the content of a release that does not change."""
    return f"{path.name} {path.stat().st_size}".encode()


class _Digests:
    """A table of digests by a hash of the path: it names no file, as files may name patients.

    A digest counts while size, inode and the times of change are those that the file had when it
    was hashed. A file that was changed so shortly before that a later change might carry the same
    time is not noted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._table: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._table = sqlite3.connect(
                folder / "digests.sqlite", timeout=5, isolation_level=None, check_same_thread=False
            )
            self._table.execute("PRAGMA synchronous = OFF")  # what a crash tears is hashed again
            self._table.execute(f"CREATE TABLE IF NOT EXISTS files ({_COLUMNS})")

    def find(self, path: Path) -> bytes | None:
        """The digest of a file that was not touched since; None if it is not known."""
        name, state = _name(path), _state(path.stat())
        for digest, own in self._run(
            "SELECT digest, own FROM files WHERE path = ? AND state = ?", name, state
        ):
            if own == _own(name, state, str(digest)):
                return bytes.fromhex(str(digest))
        return None

    def note(self, path: Path, before: os.stat_result, digest: bytes) -> None:
        """Note a digest, unless the file may have changed meanwhile."""
        with contextlib.suppress(OSError):
            state = _state(path.stat())
            changed = max(before.st_mtime, before.st_ctime)
            if state == _state(before) and changed + _GRAIN < time.time():
                row = _name(path), state, digest.hex(), _own(_name(path), state, digest.hex())
                self._run("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", *row)

    def _run(self, statement: str, *values: str) -> list[tuple[object, ...]]:
        if self._table is None:
            return []
        with self._lock, contextlib.suppress(sqlite3.Error):  # damaged, locked, or the disk is full
            return self._table.execute(statement, values).fetchall()
        return []


_kept: _Digests | None = None


def remember(folder: Path | None) -> None:
    """Remember digests of files in a folder from now on; None to forget them again."""
    global _kept  # noqa: PLW0603 - one cache for all that this process reads
    if folder is None:
        _kept = None
    elif _kept is None or _kept.folder != folder:
        _kept = _Digests(folder)


def _name(path: Path) -> str:
    return hashlib.sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()


def _state(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _own(name: str, state: str, digest: str) -> str:
    """A checksum of a row, by which one that was damaged is known."""
    return hashlib.sha256(f"{name} {state} {digest}".encode()).hexdigest()[:16]
