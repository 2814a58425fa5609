"""A sign of life after each unit of work, by which slow work can be told from work that hangs.

Whoever computes calls `beat` after each batch, image or step, with the forward passes it took; who
watches says with `listening` what to do then. Without a listener nothing happens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[int], None]
"""Takes the number of forward passes since its last call, often none."""

_EVERY = 0.5  # seconds between two signs
_listener: list[Listener] = []
_last = [0.0]
_passes = [0]  # that no listener was told of yet
_left: list[int] = []  # of the work that is counted as a whole
_counting, _telling = threading.Lock(), threading.Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call a function at the beats of some work, at most twice a second, and once at its end."""
    _listener[:] = [listener]
    _passes[0] = 0
    try:
        yield
    finally:
        _tell()
        _listener.clear()


def beat(passes: int = 0) -> None:
    """Note that work went on.

    Args:
        passes: Forward passes since the last beat; a backward pass counts as two.
    """
    if not _listener:
        return
    if passes:
        with _counting:
            if _left:
                passes = min(passes, _left[-1])
                _left[-1] -= passes
            _passes[0] += passes
    if time.monotonic() - _last[0] >= _EVERY:
        _tell()


def _tell() -> None:
    _last[0] = time.monotonic()
    with _telling:  # listeners count, and print
        with _counting:
            passes, _passes[0] = _passes[0], 0
        _listener[0](passes)


@contextmanager
def counted(passes: int) -> Iterator[None]:
    """Count some work as so many passes, as they were forecast, whatever its beats add up to."""
    _left.append(passes)
    try:
        yield
    finally:
        beat(passes)  # what is left of them
        _left.pop()


@contextmanager
def beating() -> Iterator[None]:
    """Beat steadily during work that cannot do so itself, such as reading a list of images."""
    if not _listener:
        yield
        return
    with repeated(beat, _EVERY):
        yield


@contextmanager
def repeated(work: Callable[[], object], seconds: float) -> Iterator[None]:
    """Call a function in a thread every so many seconds, until this is left."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
