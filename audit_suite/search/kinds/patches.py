"""Rectangles of one grey value, or of noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from audit_suite.record import Box
from audit_suite.search.change import Images, Painted, placed
from audit_suite.search.percents import percents
from audit_suite.search.strategy import register_strategy


@dataclass(frozen=True)
class Patch(Painted):
    """A rectangle of one grey value: size, level, and how far down and right its centre lies."""

    height: int
    width: int
    level: int
    down: int
    right: int

    def box(self, height: int, width: int) -> Box:
        """In pixels of a frame."""
        return placed((height, width), (self.height, self.width), (self.down, self.right))

    def paint(self, images: Images) -> Images:
        """The level everywhere."""
        images[:] = self.level / 100
        return images


@dataclass(frozen=True)
class Noise(Painted):
    """A rectangle with noise added, of a standard deviation in percent of the range."""

    height: int
    width: int
    strength: int
    draw: int
    down: int
    right: int

    def box(self, height: int, width: int) -> Box:
        """In pixels of a frame."""
        return placed((height, width), (self.height, self.width), (self.down, self.right))

    def paint(self, images: Images) -> Images:
        """The same noise in every image."""
        rng = np.random.default_rng(self.draw)
        noise = rng.standard_normal(images.shape[1:], np.float32)
        return images + noise * np.float32(self.strength / 100)


@register_strategy
def patches(largest: int = 20) -> SearchStrategy[Patch]:
    """Rectangles of one grey value.

    Args:
        largest: Greatest height and width, percent of the frame.
    """
    sides, anywhere = percents(3, largest), percents()
    return st.builds(
        Patch, height=sides, width=sides, level=percents(), down=anywhere, right=anywhere
    )


@register_strategy
def noises(largest: int = 40, strongest: int = 30) -> SearchStrategy[Noise]:
    """Rectangles with noise added.

    Args:
        largest: Greatest height and width, percent of the frame.
        strongest: Greatest standard deviation, percent of the range of intensities.
    """
    sides, anywhere = percents(3, largest), percents()
    return st.builds(
        Noise,
        height=sides,
        width=sides,
        strength=percents(1, strongest),
        draw=percents(),
        down=anywhere,
        right=anywhere,
    )
