"""Soft shapes in a frame whose coordinates run from -1 to 1 at any size in pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.floating[Any]]

_SUPERSAMPLING = 4


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[Floats, Floats]:
    """Coordinates of the pixel centres: x to the right, y downwards, each of shape (S, S)."""
    line = ((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1
    x, y = np.meshgrid(line, line)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def soft(inside: Floats, width: float) -> Floats:
    """1 where ``inside`` is clearly positive, 0 where negative, smooth over about ``width``."""
    out: Floats = inside / np.float32(width)
    out += np.float32(0.5)
    out.clip(0, 1, out=out)
    return out * out * (3 - 2 * out)


def ellipse(
    x: Floats,
    y: Floats,
    cx: float | Floats,
    cy: float | Floats,
    rx: float,
    ry: float,
    power: float = 2,
) -> Floats:
    """A superellipse as a level: positive inside, about the distance to its edge."""
    level = np.abs((x - cx) / rx) ** power
    level += np.abs((y - cy) / ry) ** power
    out: Floats = (1 - level ** (1 / power)) * min(rx, ry)
    return out.astype(np.float32, copy=False)


def blob(x: Floats, y: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    """A Gaussian spot of height 1."""
    out: Floats = np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)
    return out.astype(np.float32, copy=False)


def texture(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Smooth noise, about ``cells`` cells across, mean 0, standard deviation about 1."""
    coarse = rng.standard_normal((cells + 2, cells + 2)).astype(np.float32).astype(np.float64)
    first, near, far = _between(size, cells)
    upper, lower = coarse[first] * near[:, None], coarse[first + 1] * far[:, None]
    fine = upper[:, first] * near
    fine += upper[:, first + 1] * far
    fine += lower[:, first] * near
    fine += lower[:, first + 1] * far
    out: Floats = fine.astype(np.float32)
    return out


@lru_cache(maxsize=8)
def _between(size: int, cells: int) -> tuple[NDArray[np.intp], Floats, Floats]:
    """The first of the two lines of noise between which each pixel lies, and their weights.

    `scipy.ndimage.zoom` of order 1 gives the same to the last digit, but takes three times as long.
    """
    lines = cells + 2
    at = np.arange(size) * ((lines - 1) / (round(lines * (size / cells)) - 1))
    first = at.astype(np.intp)
    near: Floats = 1 - (at - first)
    far: Floats = 1 - near
    return first, near, far


def strokes(
    size: int, lines: list[tuple[list[tuple[float, float]], float]], down: float = 0.0
) -> Floats:
    """Antialiased polylines, each with a width, drawn with height 1, all shifted ``down``."""
    wide = size * _SUPERSAMPLING
    canvas = Image.new("L", (wide, wide), 0)
    pen = ImageDraw.Draw(canvas)
    for points, width in lines:
        pixels = [((x + 1) / 2 * wide, (y + down + 1) / 2 * wide) for x, y in points]
        pen.line(pixels, fill=255, width=max(1, round(width / 2 * wide)), joint="curve")
    # Columns, then rows, as resizing with the filter BOX rounds them.
    small = canvas.reduce((_SUPERSAMPLING, 1)).reduce((1, _SUPERSAMPLING))
    return np.asarray(small, dtype=np.float32) / np.float32(255)
