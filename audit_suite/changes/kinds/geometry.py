"""Small shifts, turns, cuts and mirrors of the whole picture."""

from __future__ import annotations

from functools import partial

import numpy as np

from audit_suite.changes.change import Change, Picture, Scene, by_plane, part_of, register_change

_CUT = 0.02  # of each side
_DEGREES = 5.0
_PIXEL = 1 / 256  # of the longer side: one pixel of a model's usual input


def cropped(picture: Picture, scene: Scene) -> Picture:
    """A rim of 2 % cut off, and what is left drawn as large as before."""
    from scipy.ndimage import map_coordinates

    height, width = picture.shape[:2]
    down, right = max(1, round(_CUT * height)), max(1, round(_CUT * width))
    rows = np.linspace(down, height - 1 - down, height)
    columns = np.linspace(right, width - 1 - right, width)
    grid = np.meshgrid(rows, columns, indexing="ij")

    return by_plane(picture, partial(map_coordinates, coordinates=grid, order=1, mode="nearest"))


def rotated(picture: Picture, scene: Scene) -> Picture:
    """Turned by five degrees to either side; what comes in repeats the edge."""
    from scipy.ndimage import rotate

    angle = _DEGREES if scene.rng.random() < 0.5 else -_DEGREES

    turn = partial(rotate, angle=angle, reshape=False, order=1, mode="nearest")
    return by_plane(picture, turn)


def shifted(picture: Picture, scene: Scene) -> Picture:
    """Moved by one pixel of a frame of 256, down and to the right; the edge is repeated."""
    by = part_of(picture, _PIXEL)
    rows = np.clip(np.arange(picture.shape[0]) - by, 0, None)
    columns = np.clip(np.arange(picture.shape[1]) - by, 0, None)
    return picture[rows][:, columns]


def mirrored(picture: Picture, scene: Scene) -> Picture:
    """Left and right exchanged."""
    return picture[:, ::-1].copy()


register_change(Change("border-cropped", "2 % of each side cut off", "none", cropped))
register_change(Change("rotated", "the picture turned by 5 degrees", "none", rotated))
register_change(Change("shifted", "the picture moved by one pixel of 256", "none", shifted))
register_change(Change("side-flipped", "left and right exchanged", "none", mirrored, mirrors=True))
