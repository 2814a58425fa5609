"""A sign of life after each unit of work, by which slow work can be told from work that hangs.

Whoever computes calls `beat` after each batch, image or step; who watches the process says with
`listen` what to do then. Without a listener nothing happens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 0.5  # seconds between two signs
_listener: list[Callable[[], None]] = []
_last = [0.0]


def listen(listener: Callable[[], None]) -> None:
    """Call a function at each beat, at most twice a second; it replaces the one before."""
    _listener[:] = [listener]


def beat() -> None:
    """Note that work went on."""
    if _listener and (now := time.monotonic()) - _last[0] >= _EVERY:
        _last[0] = now
        _listener[0]()


@contextmanager
def beating() -> Iterator[None]:
    """Beat steadily during work that cannot do so itself, such as reading a list of images."""
    if not _listener:
        yield
        return
    over = threading.Event()

    def tick() -> None:
        while not over.wait(_EVERY):
            beat()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
