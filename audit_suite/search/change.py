"""What a search draws: a change of the image in plain numbers, and where it lies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from audit_suite.record import Box

Images = NDArray[np.float32]


@runtime_checkable
class Change(Protocol):
    """A change of the image: a frozen dataclass of whole numbers, best percents of the frame.

    It prints as the line that makes it again. Of two changes with the same effect hypothesis keeps
    the one whose first number is smaller: draw the size first, the strength second, the place last.
    """

    @abstractmethod
    def box(self, height: int, width: int) -> Box:
        """Where it lies in a frame: (x0, y0, x1, y1) in pixels, x1 and y1 open.

        Args:
            height: Rows of the frame.
            width: Its columns.
        """
        ...


@runtime_checkable
class Painted(Change, Protocol):
    """A change that does not need another patient's image."""

    @abstractmethod
    def paint(self, images: Images) -> Images:
        """The images, changed; what lies outside its box or inside a region is put back.

        Args:
            images: Shape (N, C, H, W), in [0, 1]; a copy, which may be written to.

        Returns:
            Images of the same shape, in [0, 1] (what lies beyond is clipped).
        """
        ...


def placed(frame: tuple[int, int], size: tuple[float, float], centre: tuple[float, float]) -> Box:
    """The box of a change whose size and centre are percents of the frame.

    It is at least one pixel high and wide, and moved into the frame where it would leave it, so
    that all edges and corners are drawn as often as they should be.

    Args:
        frame: Rows and columns of the frame.
        size: Height and width, 0 to 100.
        centre: From the upper and from the left edge, 0 to 100.
    """
    extent = [max(1, min(n, round(n * s / 100))) for n, s in zip(frame, size, strict=True)]
    start = [
        max(0, min(n - e, round(n * c / 100 - e / 2)))
        for n, c, e in zip(frame, centre, extent, strict=True)
    ]
    (y, x), (h, w) = start, extent
    return x, y, x + w, y + h


def box_fault(box: Any, frame: tuple[int, int]) -> str:
    """What is wrong with the box of a user's change; empty if nothing is."""
    whole = isinstance(box, Sequence) and len(box) == 4 and all(isinstance(v, int) for v in box)
    if not whole:
        return f"gives the box {box!r}, which is not (x0, y0, x1, y1) in whole pixels"
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= frame[1] and 0 <= y0 < y1 <= frame[0]):
        return f"leaves the frame: box {tuple(box)} in {frame[1]} x {frame[0]} pixels"
    return ""


def change_fault(change: Any, painted: bool) -> str:
    """What is wrong with what a user's strategy drew; empty if nothing is."""
    if not is_dataclass(change) or isinstance(change, type):
        return f"draws {change!r}, which is not a frozen dataclass of whole numbers"
    if wrong := [name for name, v in asdict(change).items() if type(v) not in (int, bool)]:
        return f"draws {change!r}, whose {wrong[0]} is not a whole number"
    if type(change).__hash__ is None:
        return f"draws a {type(change).__name__} that is not frozen: @dataclass(frozen=True)"
    wanted = Painted if painted else Change
    if not isinstance(change, wanted):
        return f"draws {change!r}, which has no method {'paint' if painted else 'box'}"
    return ""
