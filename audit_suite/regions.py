"""Named regions of an image, and the single distance transform behind all dilations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from audit_suite.errors import AuditError

Region = NDArray[np.bool_]

NO_REGION = "no region declared"
"""Starts the reason of a check that does not apply because its target has no region."""
_SHARED = 32  # areas that many images share, whose distances are kept
FAR = 30_000  # distance for an empty or full region: larger than any within an image


def union(regions: Mapping[str, Region], names: Sequence[str]) -> Region:
    """The pixels that belong to any of the named regions.

    Args:
        regions: Masks by name, each of shape (H, W).
        names: At least one name.

    Returns:
        Mask of shape (H, W).

    Raises:
        AuditError: If a name is unknown; lists the known ones.
    """
    if missing := [name for name in names if name not in regions]:
        raise AuditError(
            f"there is no region {missing}; known regions: {', '.join(sorted(regions)) or 'none'}",
            "correct the key 'roi' of the data set card or the region of the masking",
        )
    joined: Region = np.logical_or.reduce([regions[name] for name in names])
    return joined


def extent(region: Region) -> tuple[slice, slice] | None:
    """The rows and columns of a region's bounding box; None if it is empty.

    Args:
        region: Mask of shape (H, W).
    """
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def signed_distance(region: Region) -> NDArray[np.int16]:
    """City-block distance of every pixel to the region's edge, negative inside.

    Pixels outside have their distance to the region (1 and up), pixels inside the negative distance
    to the background (-1 and down; pixels beyond the frame count as region, as in OpenCV's
    erosion). So the region after k iterations of dilation with the 3x3 cross is ``distance <= k``,
    and after k iterations of erosion it is ``distance < -k``: one transform serves a whole sweep
    (Sourget et al. 2024 dilate by 0 to 500 iterations).

    Args:
        region: Mask of shape (H, W).

    Returns:
        Distances of shape (H, W); `FAR` everywhere for an empty region, -`FAR` for a full one.
    """
    if not region.any():
        return np.full(region.shape, FAR, np.int16)
    if region.all():
        return np.full(region.shape, -FAR, np.int16)
    outside = distance_transform_cdt(~region, metric="taxicab")
    inside = distance_transform_cdt(region, metric="taxicab")
    distance: NDArray[np.int16] = (outside - inside).astype(np.int16)  # one of them is 0
    return distance


def shared_distance(region: Region) -> NDArray[np.int16]:
    """`signed_distance` of an area that many images have alike, such as the rim of the frame.

    The last ones are kept, and cannot be written to.
    """
    return _kept_distance(np.packbits(region).tobytes(), region.shape)


@lru_cache(maxsize=_SHARED)
def _kept_distance(bits: bytes, shape: tuple[int, int]) -> NDArray[np.int16]:
    pixels = np.unpackbits(np.frombuffer(bits, np.uint8), count=shape[0] * shape[1])
    distance = signed_distance(pixels.reshape(shape).astype(np.bool_))
    distance.flags.writeable = False
    return distance
