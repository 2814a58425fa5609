"""What loading a model decided that its card does not say, for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_taking: list[list[str]] = []


def note(text: str) -> None:
    """Say what was decided while a model is loaded; the report shows it, and `doctor`."""
    if _taking and text not in _taking[-1]:
        _taking[-1].append(text)


@contextmanager
def taking_notes() -> Iterator[list[str]]:
    """Collect the notes that are made inside."""
    _taking.append([])
    try:
        yield _taking[-1]
    finally:
        _taking.pop()
