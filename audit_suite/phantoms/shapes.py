"""Soft shapes in a frame whose coordinates run from -1 to 1 at any size in pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import zoom

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
    out: Floats = np.clip(inside / np.float32(width) + np.float32(0.5), 0, 1)
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
    level = np.abs((x - cx) / rx) ** power + np.abs((y - cy) / ry) ** power
    out: Floats = ((1 - level ** (1 / power)) * min(rx, ry)).astype(np.float32)
    return out


def blob(x: Floats, y: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    """A Gaussian spot of height 1."""
    out: Floats = np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2).astype(np.float32)
    return out


def texture(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Smooth noise, about ``cells`` cells across, mean 0, standard deviation about 1."""
    coarse = rng.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    fine = zoom(coarse, size / cells, order=1)
    out: Floats = fine[:size, :size]
    return out


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
    small = canvas.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)
