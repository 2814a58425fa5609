"""Boxes, polygons and convex hulls as masks.

The pixel in row r and column c covers the square from (c, r) to (c + 1, r + 1). A box takes the
pixels whose centres lie in it, and so does a polygon that is drawn in the frame of all images.
Polygons of LabelMe and CheXlocalize are drawn with Pillow, outline included, as their publishers
do; those of COCO as COCO's own library draws them (`mask_formats.coco`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.pictures import MOST_PIXELS

Mask = NDArray[np.bool_]
Point = tuple[float, float]

OVER = 1.0
"""Pixels by which an outline may leave the frame, as rounding makes it; what is outside is cut."""


def box_mask(box: tuple[float, float, float, float], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie in a box.

    Args:
        box: Left, top, right and bottom in pixels.
        shape: Height and width of the image.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it is empty or leaves the frame.
    """
    left, top, right, bottom = box
    if not (right > left and bottom > top):
        raise ValueError(
            f"has a box without an area ({_of(box)}): are width and height taken for a corner?"
        )
    refuse_outside([(left, top), (right, bottom)], shape)
    height, width = shape
    columns = (np.arange(width) + 0.5 >= left) & (np.arange(width) + 0.5 < right)
    rows = (np.arange(height) + 0.5 >= top) & (np.arange(height) + 0.5 < bottom)
    mask: Mask = rows[:, None] & columns[None, :]
    if not mask.any():
        raise ValueError(f"has a box that holds no pixel's centre ({_of(box)})")
    return mask


def polygon_mask(polygons: Sequence[Sequence[Point]], shape: tuple[int, int]) -> Mask:
    """The pixels that Pillow draws of some polygons, with their outlines.

    Args:
        polygons: Each of at least three points (x, y) in pixels.
        shape: Height and width of the image.

    Returns:
        Shape (H, W): what belongs to any of the polygons.

    Raises:
        ValueError: If one has too few points or leaves the frame.
    """
    from PIL import Image, ImageDraw

    height, width = shape
    picture = Image.new("1", (width, height))
    draw = ImageDraw.Draw(picture)
    for polygon in polygons:
        if len(polygon) < 3:
            raise ValueError(f"has a polygon of {len(polygon)} points instead of three or more")
        refuse_outside(polygon, shape)
        draw.polygon([(float(x), float(y)) for x, y in polygon], outline=1, fill=1)
    return np.array(picture, np.bool_)


def centres_mask(polygon: Sequence[Point], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie in a polygon (even-odd rule).

    Args:
        polygon: Points (x, y) in pixels.
        shape: Height and width of the image.

    Returns:
        Shape (H, W).
    """
    height, width = shape
    crossed = np.zeros((height, width + 1), np.bool_)  # where a row of centres crosses an edge
    centres = np.arange(height) + 0.5
    for (x0, y0), (x1, y1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        rows = np.flatnonzero((centres >= min(y0, y1)) & (centres < max(y0, y1)))
        x = x0 + (centres[rows] - y0) * (x1 - x0) / (y1 - y0 or 1.0)
        crossed[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)] ^= True
    mask: Mask = np.logical_xor.accumulate(crossed[:, :width], axis=1)
    return mask


def hull_mask(mask: Mask) -> Mask:
    """The convex hull of a mask: the pixels whose centres lie in the hull of its pixels' centres.

    Args:
        mask: Shape (H, W).

    Returns:
        Shape (H, W); empty if the mask is.
    """
    hull = np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows):
        columns = np.arange(mask.shape[1])
        first, last = mask.argmax(axis=1), columns[-1] - mask[:, ::-1].argmax(axis=1)
        left, right = -_lid(rows, -first[rows]), _lid(rows, last[rows])
        hull[rows[0] : rows[-1] + 1] = (columns >= left[:, None]) & (columns <= right[:, None])
    return hull


def _lid(places: NDArray[np.intp], heights: NDArray[np.intp]) -> NDArray[np.int64]:
    """The least concave curve above some points, at every whole place between them, rounded down.

    Args:
        places: Shape (n,), rising.
        heights: Shape (n,).
    """
    corners: list[tuple[int, int]] = []
    for x, y in zip(places.tolist(), heights.tolist(), strict=True):
        while len(corners) > 1:
            (x0, y0), (x1, y1) = corners[-2:]
            if (y1 - y0) * (x - x0) > (y - y0) * (x1 - x0):
                break  # the last corner lies above the line that would pass it by
            corners.pop()
        corners.append((x, y))
    at, height = np.array(corners, np.int64).T
    every = np.arange(at[0], at[-1] + 1)
    before = np.searchsorted(at, every, side="right") - 1
    after = np.minimum(before + 1, len(at) - 1)
    run = np.maximum(at[after] - at[before], 1)
    lid: NDArray[np.int64] = (
        height[before] + (height[after] - height[before]) * (every - at[before]) // run
    )
    return lid


def refuse_outside(points: Sequence[Point], shape: tuple[int, int]) -> None:
    """Refuse an outline that leaves the frame by more than rounding does.

    Args:
        points: (x, y) in pixels.
        shape: Height and width of the image.

    Raises:
        ValueError: If a point lies outside, or is not a number.
    """
    height, width = shape
    x, y = [point[0] for point in points], [point[1] for point in points]
    if not all(map(math.isfinite, (*x, *y))):
        raise ValueError("has a coordinate that is not a number")
    if min(x) < -OVER or min(y) < -OVER or max(x) > width + OVER or max(y) > height + OVER:
        where = f"x {min(x):g} to {max(x):g}, y {min(y):g} to {max(y):g}"
        swapped = max(x) <= height + OVER and max(y) <= width + OVER and min(*x, *y) >= -OVER
        raise ValueError(
            f"leaves the image of {width} x {height} pixels ({where}): "
            + ("are x and y exchanged?" if swapped else "was it drawn on an image of another size?")
        )


def frame(height: object, width: object) -> tuple[int, int]:
    """A frame as an annotation file gives it.

    Raises:
        ValueError: If these are not sides of an image.
    """
    sides = []
    for side in (height, width):
        if isinstance(side, bool) or not isinstance(side, int) or side < 1:
            raise ValueError("does not say how many rows and columns its image has")
        sides.append(side)
    if sides[0] * sides[1] > MOST_PIXELS:
        raise ValueError("claims to be unreasonably large")
    return sides[0], sides[1]


def _of(box: Sequence[float]) -> str:
    return "from {:g}, {:g} to {:g}, {:g}".format(*box)
