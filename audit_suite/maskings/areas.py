"""Areas that replace an image's own region: moved off it, another's added, or the population's.

They serve the controls: the shape or place of the hidden area may predict the label (C3, C4), and
hiding any area of that size may disturb a model (C5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.maskings.masking import Whose
from audit_suite.regions import Region

COMMON = 0.01  # share of patients in whom a pixel is region, from which it is the population's
_TILES = 16  # along the longer side
_TRIES = 64  # places tried before a region is broken into tiles
_SHIFTS = 95  # percentile of the shifts that the common window accommodates


@dataclass(frozen=True)
class Typical:
    """Where a region lies in the images of a data set.

    Attributes:
        population: Shape (H, W), pixels that are region in at least 1 % of patients.
        centre: Mean centroid, row and column, in pixels.
        window: Shape (H, W), pixels that, along each axis, 95 % of images still fill when their
            region is moved to the mean centroid.
    """

    population: Region
    centre: tuple[float, float]
    window: Region


def typical(regions: Sequence[Region]) -> Typical:
    """Summarise regions, one per patient.

    Args:
        regions: Masks of shape (H, W); at least one. Empty ones count only for the population.
    """
    stacked = np.stack(regions)
    height, width = stacked.shape[1:]
    centres = np.array([centroid(region) for region in regions if region.any()])
    if not len(centres):
        centres = np.array([[height / 2, width / 2]])
    mean = centres.mean(axis=0)
    rows, columns = np.ceil(np.percentile(np.abs(centres - mean), _SHIFTS, axis=0)).astype(int)
    window: Region = np.zeros((height, width), np.bool_)
    window[rows : height - rows, columns : width - columns] = True
    return Typical(
        population=stacked.mean(axis=0) >= COMMON,
        centre=(float(mean[0]), float(mean[1])),
        window=window,
    )


def area_of(
    whose: Whose,
    own: Region,
    rng: Callable[[], np.random.Generator],
    lent: Callable[[], Region | None],
    known: Callable[[], Typical],
) -> Region:
    """The area that is hidden in place of an image's own region.

    Args:
        whose: `Masking.whose`.
        own: Mask of shape (H, W).
        rng: Returns the generator that decides where an area off the region lies.
        lent: Returns another patient's region, or None if there is none.
        known: Returns where the region lies in the data set.
    """
    if whose == "elsewhere":
        return elsewhere(own, rng())
    if whose == "foreign":
        other = lent()
        return own if other is None else own | other
    if whose == "population":
        return known().population
    return known().window if whose == "window" else own


def centroid(region: Region) -> tuple[float, float]:
    """Mean row and column of a region that is not empty."""
    rows, columns = np.nonzero(region)
    return float(rows.mean()), float(columns.mean())


def elsewhere(region: Region, rng: np.random.Generator) -> Region:
    """An area of equal size that shares no pixel with the region.

    The region itself at a random place if there is room beside it, else random tiles. If the region
    covers more than half of the frame, everything outside it.

    Args:
        region: Mask of shape (H, W).
        rng: Decides the place.
    """
    if not region.any():
        return region.copy()
    rows, columns = np.nonzero(region)
    height, width = region.shape
    lowest = -rows.min(), -columns.min()
    beyond = height - rows.max(), width - columns.max()
    bits = int.from_bytes(np.packbits(region).tobytes())  # compared in a hundredth of the time
    for down, right in rng.integers(lowest, beyond, size=(_TRIES, 2)).tolist():
        along = down * width + right
        if not bits & (bits >> along if along > 0 else bits << -along):
            moved: Region = np.zeros_like(region)
            moved[rows + down, columns + right] = True
            return moved
    return _tiles(region, rng)


def _tiles(region: Region, rng: np.random.Generator) -> Region:
    """Tiles in random order, without the pixels of the region, until the area is reached."""
    side = max(1, round(max(region.shape) / _TILES))
    tile = np.add.outer(
        (np.arange(region.shape[0]) // side) * (region.shape[1] // side + 1),
        np.arange(region.shape[1]) // side,
    )
    rank: NDArray[np.int_] = rng.permutation(tile.max() + 1)[tile]
    free = np.flatnonzero(~region)
    chosen = free[np.argsort(rank.ravel()[free], kind="stable")][: int(region.sum())]
    tiled: Region = np.zeros_like(region)
    tiled.ravel()[chosen] = True
    return tiled
