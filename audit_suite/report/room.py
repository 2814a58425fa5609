"""Room for pictures in a record: the report of many models and targets must still open."""

from __future__ import annotations

from collections.abc import Iterable

ROOM = 2_000_000
"""Characters of pictures from which on a section draws no further place."""


class Room:
    """What a section may still draw. The first place is always drawn, however large it is."""

    def __init__(self, characters: int = ROOM) -> None:
        self._left = characters

    @property
    def is_left(self) -> bool:
        """Whether another place may be drawn."""
        return self._left > 0

    def take(self, pictures: Iterable[str]) -> None:
        """Note what a place took.

        Args:
            pictures: PNG files, base64.
        """
        self._left -= sum(map(len, pictures))
