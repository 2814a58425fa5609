"""The axis on which the three AUROCs of a place are drawn, in SVG units."""

from __future__ import annotations

from dataclasses import dataclass

_END = 6  # room beside 0 and 1, for half a mark


@dataclass(frozen=True)
class Axis:
    """Where things are drawn.

    Attributes:
        left: Room for names, left of the axis.
        length: From an AUROC of 0 to one of 1.
        right: Room for numbers, right of the axis.
        pitch: From one AUROC to the next, downwards.
        foot: Room for the ticks' labels.
    """

    left: int
    length: int
    right: int
    pitch: int
    foot: int

    @property
    def width(self) -> int:
        """Of the whole drawing."""
        return self.left + self.length + self.right + 2 * _END

    @property
    def height(self) -> int:
        """Of the whole drawing, which has three AUROCs."""
        return 3 * self.pitch + self.foot + 4

    def x(self, auroc: float) -> float:
        """Where an AUROC is; one beyond 0 or 1 is drawn at the end."""
        return round(self.left + _END + min(max(auroc, 0.0), 1.0) * self.length, 1)

    def y(self, number: int) -> float:
        """Where the n-th AUROC is."""
        return 2 + (number + 0.5) * self.pitch


FULL = Axis(left=96, length=180, right=128, pitch=18, foot=18)
"""With names, numbers and ticks."""
LINE = Axis(left=0, length=170, right=0, pitch=8, foot=0)
"""For tables of many places, whose columns hold the numbers."""
