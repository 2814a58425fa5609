"""Decode mask files: the region is what a viewer shows white, or the values that a card names.

A mask that is not clearly black and white is refused: a guess may take the background for the
region, and an audit of the wrong region acquits.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.images import DEEP, DEEPEST
from audit_suite.datasets.pictures import open_picture

if TYPE_CHECKING:
    from PIL import Image

Grey = NDArray[np.integer[Any]]
Region = NDArray[np.bool_]

_EDGE = 2  # pixels on either side of an edge that antialiasing may touch
_LOSSY = 0.25  # of white: how far a JPEG's pixels may stray off the edges
_FEWEST_LEVELS = 32  # a lighter half of less is a list of numbered regions, not a picture
_SHOWN = 4  # values named in a message


def read_mask(path: Path, values: Collection[int] = ()) -> Region:
    """Decode a mask.

    Without ``values`` the file must be black and white: two values, of which the darker is 0. In
    between it may be grey along edges (antialiasing), or anywhere a little if it is a JPEG; such
    pixels belong to the region from half of white on. Palettes are looked up and orientation tags
    applied first, as viewers do.

    Args:
        path: An image file.
        values: The pixel values that belong to the region, as stored: in a file with a palette
            these are its indices.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it cannot be decoded, or what it shows is not clearly a region; says why.
    """
    picture = open_picture(path)
    lossy = picture.format == "JPEG"
    if (channels := len(picture.getbands())) > 1:
        raise ValueError(f"has {channels} channels instead of one")
    if "transparency" in picture.info:
        raise ValueError("has a transparent colour, which each viewer shows in another way")
    if values and lossy:
        raise ValueError("is a JPEG, which does not keep exact values: save it as PNG")
    if values:
        chosen: Region = np.isin(np.asarray(picture), list(values))
        return chosen
    return _white_half(_shown(picture), _LOSSY if lossy else 0.0)


def _shown(picture: Image.Image) -> Grey:
    """Grey levels as a viewer shows them, shape (H, W)."""
    if picture.mode in DEEP:
        deep = np.asarray(picture).astype(np.int64)
        if deep.min() < 0 or deep.max() > DEEPEST:
            raise ValueError("has more than 16 bits per pixel")
        return deep
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    if picture.mode != "P":
        raise ValueError(f"has the pixel format {picture.mode}, which is not supported")
    colours = np.asarray(picture.convert("RGB"))
    if np.ptp(colours, axis=2).any():
        raise ValueError(
            "is coloured: save it in black and white, or name the region's index in the palette "
            "with regions.NAME.value"
        )
    return colours[:, :, 0]


def _white_half(grey: Grey, stray: float) -> Region:
    """The pixels from half of white on.

    Args:
        grey: Shape (H, W), not negative.
        stray: Share of white by which pixels off the edges may differ from black and from white.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    levels = np.flatnonzero(np.bincount(grey.ravel()))
    white = int(levels[-1])
    if not stray and (len(levels) == 1 or (len(levels) == 2 and not levels[0])):
        plain: Region = grey > 0
        return plain
    if white < _FEWEST_LEVELS:
        raise _not_binary(levels)
    region: Region = 2 * grey.astype(np.int32) >= white
    square = np.ones((3, 3), np.bool_)
    edges = binary_dilation(region, square, _EDGE)
    edges &= ~binary_erosion(region, square, _EDGE, border_value=1)
    straying = np.where(region, white - grey.astype(np.int32), grey) > stray * white
    if (straying & ~edges).any():
        raise _not_binary(levels)
    return region


def _not_binary(levels: NDArray[np.intp]) -> ValueError:
    shown = ", ".join(map(str, levels[:_SHOWN])) + (" ..." if len(levels) > _SHOWN else "")
    return ValueError(
        f"is not black and white, also away from its edges: it holds {len(levels)} values ({shown})"
        f"; save it with two, or name those of the region with regions.NAME.value"
    )
