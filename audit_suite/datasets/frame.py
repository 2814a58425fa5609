"""The frame of any image in parts that need no mask: corners, rim, and cells of the inside."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from audit_suite.regions import Region, union

EDGE = ("frame.corners", "frame.rim")
"""The parts where markers, text and collimation lie."""
CELLS = (
    *EDGE,
    "frame.centre",
    "frame.upper-left",
    "frame.upper-right",
    "frame.lower-left",
    "frame.lower-right",
)
"""All parts; together they cover the frame, each pixel once. Sides are those of the picture."""

CORNER, RIM = 0.15, 0.05  # side of a corner, width of the rim: shares of the shorter side
_SHARED = 16  # frames whose parts are kept
_WHOLE = 32  # unions of parts of whole frames that are kept
_CENTRE = 0.4  # side of the centre, share of each side of the frame


def frame_parts(seen: Region) -> dict[str, Region]:
    """Divide the frame of an image among `CELLS`.

    Args:
        seen: Shape (H, W): the pixels that show the image, a rectangle. All of a picture that was
            stretched or cropped; of one that was padded, a part.

    Returns:
        Masks by name, each of shape (H, W), which cannot be written to: images that lie alike in
        the frame share them. Pixels that show nothing of the image belong to none.
    """
    rows, columns = seen.any(axis=1), seen.any(axis=0)
    return dict(_parts(rows.tobytes(), columns.tobytes()))


@lru_cache(maxsize=_WHOLE)
def parts_of_whole(shape: tuple[int, int], names: tuple[str, ...]) -> Region:
    """The union of some parts of a frame that its image fills.

    Args:
        shape: (H, W) of the frame.
        names: Some of `CELLS`.

    Returns:
        Shape (H, W); cannot be written to, as images share it.
    """
    whole = union(frame_parts(np.ones(shape, np.bool_)), names)
    whole.flags.writeable = False
    return whole


@lru_cache(maxsize=_SHARED)
def _parts(rows: bytes, columns: bytes) -> dict[str, Region]:
    """The parts of a frame, by the rows and columns that show the image."""
    seen = [np.frombuffer(each, np.bool_) for each in (rows, columns)]
    there = tuple(slice(int(each.argmax()), int(each.argmax() + each.sum())) for each in seen)
    parts: dict[str, Region] = {
        name: np.zeros((len(rows), len(columns)), np.bool_) for name in CELLS
    }
    height, width = (int(each.sum()) for each in seen)
    if not height or not width:
        return parts
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width)[None, :] + 0.5
    down, across = np.minimum(y, height - y), np.minimum(x, width - x)  # distance to the edge
    corner, rim = (max(1.0, share * min(height, width)) for share in (CORNER, RIM))
    in_corner = (down < corner) & (across < corner)
    in_rim = ~in_corner & ((down < rim) | (across < rim))
    inside = ~in_corner & ~in_rim
    aside = 0.5 - _CENTRE / 2
    central = inside & (down > aside * height) & (across > aside * width)
    upper, left = y < height / 2, x < width / 2
    for name, part in {
        "frame.corners": in_corner,
        "frame.rim": in_rim,
        "frame.centre": central,
        "frame.upper-left": inside & ~central & upper & left,
        "frame.upper-right": inside & ~central & upper & ~left,
        "frame.lower-left": inside & ~central & ~upper & left,
        "frame.lower-right": inside & ~central & ~upper & ~left,
    }.items():
        parts[name][there] = part
        parts[name].flags.writeable = False
    return parts
