"""Arrays that can be made again at any time, in a folder: one file for each name.

Nothing waits for the disk and nothing is locked. A file is written aside and renamed, and counts
only if its checksum holds: one that was torn, altered or renamed is missing, and is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
ENDING = ".arrays"
IMAGE = 32
"""Digits of a key that say of which image something is, where it is of one."""
_CHECKSUM = hashlib.sha256().digest_size
_LENGTH = 4  # bytes that say how long the list of arrays is


class ArrayCache:
    """A folder of arrays; what cannot be written there is not kept, and nothing fails.

    Attributes:
        folder: Where; made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = os.fspath(folder)

    def file(self, key: str) -> str:
        """Where arrays are kept under a key, a hash."""
        return f"{self._root}/{key[:2]}/{key}{ENDING}"

    def has(self, key: str) -> bool:
        """Whether there is a file under a key; `read` checks its content."""
        return os.path.exists(self.file(key))  # noqa: PTH110 - asked for every image of a data set

    def read(self, key: str) -> Arrays | None:
        """The arrays under a key; None if they are missing or damaged."""
        try:
            with open(self.file(key), "rb") as file:  # noqa: PTH123 - as above
                content = file.read()
        except OSError:
            return None
        return unpacked_arrays(key, content)

    def write(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under a key."""
        self.put(key, packed_arrays(key, arrays))

    def put(self, key: str, content: bytes) -> None:
        """Keep a file's content under a key, as `packed_arrays` made it."""
        file = self.file(key)
        with contextlib.suppress(OSError):  # a full disk, or no folder
            try:
                _write(file, content)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
                _write(file, content)


def packed_arrays(key: str, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as a file's content: a checksum, a list of them, then their bytes."""
    kept = [(name, np.ascontiguousarray(array)) for name, array in arrays.items()]
    listed = json.dumps([(name, array.dtype.str, array.shape) for name, array in kept]).encode()
    parts = [len(listed).to_bytes(_LENGTH, "little"), listed, *(a.tobytes() for _, a in kept)]
    body = b"".join(parts)
    return _checksum(key, body) + body


def unpacked_arrays(key: str, content: bytes) -> Arrays | None:
    """The arrays of a file's content; None if it is damaged, or was written under another key."""
    body = memoryview(content)[_CHECKSUM:]
    if content[:_CHECKSUM] != _checksum(key, body):
        return None
    start = _LENGTH + int.from_bytes(body[:_LENGTH], "little")
    arrays: Arrays = {}
    try:
        for name, dtype, shape in json.loads(bytes(body[_LENGTH:start])):
            kind, count = np.dtype(dtype), math.prod(shape)
            flat = np.frombuffer(body, kind, count, start) if count else np.empty(0, kind)
            arrays[name] = flat.reshape(shape).copy()  # a part would keep the whole in memory
            start += flat.nbytes
    except (ValueError, TypeError):  # not written here
        return None
    return arrays


def _checksum(key: str, body: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(body)
    return digest.digest()


def _write(file: str, content: bytes) -> None:
    """Write a file aside and rename it.

    `files.write_whole` takes half as long again, for paths and for folders that are there.
    """
    aside = f"{file}.{os.urandom(8).hex()}.tmp"
    try:
        with open(aside, "xb", buffering=0) as opened:  # noqa: PTH123
            view = memoryview(content)
            while view:
                view = view[opened.write(view) :]
        os.replace(aside, file)  # noqa: PTH105
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(aside)  # noqa: PTH108
        raise
