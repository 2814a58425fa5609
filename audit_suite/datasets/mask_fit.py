"""How a mask lies on its image: its area, the frame's edge, and what is inside and outside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.regions import Region
from audit_suite.statistics.mid_ranks import mid_ranks

SIDE = 128
"""Pixels of the square on which masks and images are compared: fine enough for an optic disc."""
_RING = 4  # pixels of that square on either side of a mask's edge
_FLAT = 0.02  # of the full range: rows and columns that vary less hold no image

TURNED: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "mirrored": np.fliplr,
    "upside down": np.flipud,
    "turned by 180 degrees": lambda picture: picture[::-1, ::-1],
    "turned to the left": np.rot90,
    "turned to the right": lambda picture: np.rot90(picture, -1),
    "with rows and columns exchanged": np.transpose,
}
"""Ways in which masks get turned against their images, by orientation tags or the order of axes."""


@dataclass(frozen=True)
class Rings:
    """The pixels just inside and just outside a mask's edge, each of shape (SIDE, SIDE)."""

    inside: Region
    outside: Region

    def turned(self, turn: Callable[[NDArray[Any]], NDArray[Any]]) -> Rings:
        """The rings of the mask as it lies after a turn."""
        return Rings(turn(self.inside), turn(self.outside))


def rings_of(mask: Region) -> Rings:
    """The rings of a mask of shape (H, W), brought to the square."""
    from scipy.ndimage import distance_transform_cdt

    drawn = squared(mask.astype(np.float32)) >= 0.5
    inside = distance_transform_cdt(drawn, metric="taxicab")
    outside = distance_transform_cdt(~drawn, metric="taxicab")
    return Rings(
        (inside > 0) & (inside <= _RING) & ~drawn.all(),
        (outside > 0) & (outside <= _RING) & drawn.any(),
    )


def squared(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Grey levels on the square, 0 to 1 for unsigned integers; sides are stretched alike.

    Args:
        picture: Shape (H, W) or (H, W, 3).
    """
    from PIL import Image

    top = float(np.iinfo(picture.dtype).max) if picture.dtype.kind == "u" else 1.0
    step = max(1, min(picture.shape[:2]) // (2 * SIDE))
    grey = picture[::step, ::step].astype(np.float32) / top
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    small = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32)


def contrast(picture: NDArray[np.float32], rings: Rings) -> float:
    """How often a pixel just inside a mask's edge is brighter than one just outside it, above half.

    Ranks, not levels: a bright finding in part of a region can move a mean by any amount.

    Args:
        picture: Shape (SIDE, SIDE).
        rings: Of any mask.

    Returns:
        -.5 to .5; 0 where the mask has no edge.
    """
    if not rings.inside.any() or not rings.outside.any():
        return 0.0
    inside, outside = (picture[ring].astype(np.float64) for ring in (rings.inside, rings.outside))
    above = mid_ranks(inside, np.sort(outside)).mean()
    return round(float(above) - 0.5, 6)  # ties are ties in whatever order pixels come


def along_frame(mask: Region) -> float:
    """Share of the frame's outermost pixels that belong to a mask of shape (H, W)."""
    rim = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return float(rim.mean())


def off_image(picture: NDArray[np.float32], mask: Region) -> float:
    """Share of a mask that lies where the image is padding: beyond its outermost varying rows.

    Args:
        picture: Shape (SIDE, SIDE).
        mask: Shape (H, W), not empty.
    """
    content = np.ones((SIDE, SIDE), np.bool_)
    for axis in (0, 1):
        varying = np.flatnonzero(np.ptp(picture, axis=axis) > _FLAT)
        beyond = np.ones(SIDE, np.bool_)
        if len(varying):
            beyond[varying[0] : varying[-1] + 1] = False
        content &= ~(beyond[None, :] if axis == 0 else beyond[:, None])
    drawn = squared(mask.astype(np.float32))
    return float(drawn[~content].sum() / max(float(drawn.sum()), 1e-9))
