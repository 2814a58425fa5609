"""Which images a process has in hand, so that no other decodes them too."""

from __future__ import annotations

import os
import struct
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import fcntl

    _LOCK = getattr(fcntl, "F_OFD_SETLK", None)  # Linux: locks of a file as it was opened
except ImportError:  # Windows
    _LOCK = None

_PATIENCE = 10.0  # seconds that a process waits for another's image; then it decodes it itself
_PAUSE = 0.002  # seconds between two looks


class Claims:
    """A file of which each byte stands for an image: who locks it has the image in hand.

    A lock ends with its process. Where there are none, as in a folder that cannot be written or on
    another system than Linux, nobody waits, and two processes may decode the same image.
    """

    def __init__(self, file: str) -> None:
        """Open the file.

        Args:
            file: Its path; its folder is made if needed.
        """
        self._opened: int | None = None
        if _LOCK is None:
            return
        try:
            os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            self._opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            weakref.finalize(self, os.close, self._opened)
        except OSError:
            return

    @contextmanager
    def claim(self, number: int) -> Iterator[None]:
        """Have an image in hand; waits while another process has it, though not for ever."""
        until = time.monotonic() + _PATIENCE
        while not (granted := self._lock(number)) and time.monotonic() < until:
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            if granted:
                self._unlock(number)

    def is_free(self, number: int) -> bool:
        """Whether no other process has an image in hand now."""
        if free := self._lock(number):
            self._unlock(number)
        return free

    def _lock(self, number: int) -> bool:
        return self._set(number, "F_WRLCK")

    def _unlock(self, number: int) -> None:
        self._set(number, "F_UNLCK")

    def _set(self, number: int, kind: str) -> bool:
        """Change the lock of a byte; whether no other process holds it."""
        if self._opened is None or _LOCK is None:
            return True
        try:
            wish = struct.pack("hhqqi", getattr(fcntl, kind), os.SEEK_SET, number, 1, 0)
            fcntl.fcntl(self._opened, _LOCK, wish)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True
