"""Changes of the whole frame: its rim, and a slope of brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from audit_suite.record import Box
from audit_suite.search.change import Images, Painted
from audit_suite.search.percents import percents
from audit_suite.search.strategy import register_strategy


@dataclass(frozen=True)
class Border(Painted):
    """A rim of one grey value along all four edges; its width in percent of the shorter side."""

    thickness: int
    level: int

    def box(self, height: int, width: int) -> Box:
        """The whole frame."""
        return 0, 0, width, height

    def paint(self, images: Images) -> Images:
        """The rim alone."""
        height, width = images.shape[2:]
        rim = max(1, round(min(height, width) * self.thickness / 100))
        inner = images[:, :, rim : height - rim, rim : width - rim].copy()
        images[:] = self.level / 100
        images[:, :, rim : height - rim, rim : width - rim] = inner
        return images


@dataclass(frozen=True)
class Gradient(Painted):
    """A slope of brightness across the frame: its rise in percent, its direction in hundredths."""

    rise: int
    direction: int

    def box(self, height: int, width: int) -> Box:
        """The whole frame."""
        return 0, 0, width, height

    def paint(self, images: Images) -> Images:
        """Darker on one side, brighter on the other, unchanged in the middle."""
        height, width = images.shape[2:]
        angle = 2 * np.pi * self.direction / 100
        y, x = np.linspace(-0.5, 0.5, height), np.linspace(-0.5, 0.5, width)
        slope = np.sin(angle) * y[:, None] + np.cos(angle) * x[None, :]
        rise: Images = (slope * self.rise / 100).astype(np.float32)
        return images + rise


@register_strategy
def borders(thickest: int = 12) -> SearchStrategy[Border]:
    """Rims of one grey value.

    Args:
        thickest: Greatest width, percent of the shorter side.
    """
    return st.builds(Border, thickness=percents(1, thickest), level=percents())


@register_strategy
def gradients(steepest: int = 40) -> SearchStrategy[Gradient]:
    """Slopes of brightness.

    Args:
        steepest: Greatest difference between two sides, percent of the range of intensities.
    """
    return st.builds(Gradient, rise=percents(1, steepest), direction=percents(0, 99))
