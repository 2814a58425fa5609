"""What stands in many radiographs: letters, lines of text, wires."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from audit_suite.record import Box
from audit_suite.search.change import Images, Painted, placed
from audit_suite.search.percents import percents
from audit_suite.search.strategy import register_strategy

_LETTERS = {  # seven rows of five dots
    "L": (16, 16, 16, 16, 16, 16, 31),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "X": (17, 17, 10, 4, 10, 17, 17),
    "H": (17, 17, 17, 31, 17, 17, 17),
}
_NAMES = tuple(_LETTERS)
_GAP = 1  # dots between two letters


@lru_cache(maxsize=64)
def _dots(letters: tuple[int, ...]) -> NDArray[np.bool_]:
    rows = np.zeros((7, 6 * len(letters) - _GAP), np.bool_)
    for place, letter in enumerate(letters):
        for row, bits in enumerate(_LETTERS[_NAMES[letter % len(_NAMES)]]):
            rows[row, 6 * place : 6 * place + 5] = [bits >> bit & 1 for bit in (4, 3, 2, 1, 0)]
    return rows


def _write(images: Images, dots: NDArray[np.bool_], box: Box, level: int) -> Images:
    x0, y0, x1, y1 = box
    y = np.arange(y1 - y0) * dots.shape[0] // (y1 - y0)
    x = np.arange(x1 - x0) * dots.shape[1] // (x1 - x0)
    drawn = dots[np.ix_(y, x)]
    if not drawn.any():  # a letter of a pixel or two, which are all gaps: what is left is a dot
        drawn = np.ones_like(drawn)
    images[:, :, y0:y1, x0:x1][:, :, drawn] = level / 100
    return images


@dataclass(frozen=True)
class Text(Painted):
    """Letters in a row: height of one, how many, level, the first, and where their centre lies."""

    height: int
    count: int
    level: int
    first: int
    down: int
    right: int

    def box(self, height: int, width: int) -> Box:
        """In pixels of a frame; a letter is five dots wide and seven high."""
        wide = self.height * (6 * self.count - _GAP) / 7 * height / width
        return placed((height, width), (self.height, min(100, wide)), (self.down, self.right))

    def paint(self, images: Images) -> Images:
        """The strokes alone."""
        letters = tuple(self.first + place for place in range(self.count))
        return _write(images, _dots(letters), self.box(*images.shape[2:]), self.level)


@dataclass(frozen=True)
class Line(Painted):
    """A straight wire along a row or a column."""

    length: int
    thickness: int
    level: int
    upright: int
    down: int
    right: int

    def box(self, height: int, width: int) -> Box:
        """In pixels of a frame."""
        size = (self.length, self.thickness) if self.upright else (self.thickness, self.length)
        return placed((height, width), size, (self.down, self.right))

    def paint(self, images: Images) -> Images:
        """The level everywhere."""
        images[:] = self.level / 100
        return images


@register_strategy
def glyphs(largest: int = 20) -> SearchStrategy[Text]:
    """Single letters, as side markers are.

    Args:
        largest: Greatest height, percent of the frame.
    """
    return _texts(largest, 1)


@register_strategy
def texts(largest: int = 10, longest: int = 12) -> SearchStrategy[Text]:
    """Lines of text.

    Args:
        largest: Greatest height of a letter, percent of the frame.
        longest: Greatest number of letters.
    """
    return _texts(largest, longest)


def _texts(largest: int, longest: int) -> SearchStrategy[Text]:
    return st.builds(
        Text,
        height=percents(4, largest),
        count=percents(1, longest),
        level=percents(),
        first=percents(0, len(_NAMES) - 1),
        down=percents(),
        right=percents(),
    )


@register_strategy
def lines(longest: int = 60, thickest: int = 4) -> SearchStrategy[Line]:
    """Straight wires.

    Args:
        longest: Greatest length, percent of the frame.
        thickest: Greatest width, percent of the frame.
    """
    return st.builds(
        Line,
        length=percents(5, longest),
        thickness=percents(1, thickest),
        level=percents(),
        upright=percents(0, 1),
        down=percents(),
        right=percents(),
    )
