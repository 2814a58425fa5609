"""Rectangles, for the content of other patients; the whole frame and a grid come first."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from audit_suite.record import Box
from audit_suite.search.change import Change, placed
from audit_suite.search.percents import percents
from audit_suite.search.strategy import register_strategy


@dataclass(frozen=True)
class Area(Change):
    """A rectangle: its height and width, and how far down and right its centre lies, in percent."""

    height: int
    width: int
    down: int
    right: int

    def box(self, height: int, width: int) -> Box:
        """In pixels of a frame."""
        return placed((height, width), (self.height, self.width), (self.down, self.right))


_SIDE, _STEP = 20, 10  # of the grid's cells, which overlap by half
_CENTRES = range(_SIDE // 2, 101 - _SIDE // 2, _STEP)
_GRID = tuple(Area(_SIDE, _SIDE, down, right) for down in _CENTRES for right in _CENTRES)


@register_strategy(whole=Area(100, 100, 50, 50), grid=_GRID)
def areas(smallest: int = 5, largest: int = 50) -> SearchStrategy[Area]:
    """Rectangles anywhere in the frame; the whole frame and a grid are tried first.

    Args:
        smallest: Least height and width, percent of the frame.
        largest: Greatest height and width.
    """
    sides = percents(smallest, largest)
    return st.builds(Area, height=sides, width=sides, down=percents(), right=percents())
