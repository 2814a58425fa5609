"""How far masks can be trusted, from the masks alone: certainty, parts, and area in the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.segmentation.run import Segmented

_SPECK = 0.01  # of the region: smaller parts are not counted
_FAR = 3.5  # robust standard deviations of the logarithm of the area (Iglewicz and Hoaglin 1993)
_SPREAD = 1.4826  # from median absolute deviation to standard deviation, for normal values


@dataclass(frozen=True)
class Quality:
    """What is known of one mask.

    Attributes:
        area: Share of the image.
        parts: Connected parts that have at least 1 % of the region's pixels.
        quality: Mean margin of the model inside the mask times the share of the mask in as many of
            its largest parts as is usual in the cohort, 0 to 1; 0 if the mask is empty.
        flags: ``empty``, ``parts`` (more than usual) or ``area`` (far from the others').
    """

    area: float
    parts: int
    quality: float
    flags: tuple[str, ...]


def qualities(masks: Sequence[Segmented]) -> list[Quality]:
    """Measure the masks of one region of a cohort.

    Args:
        masks: One per image.
    """
    areas = np.array([one.mask.mean() for one in masks])
    sizes = [_parts(one.mask) for one in masks]
    counts = [int((part >= _SPECK).sum()) for part in sizes]
    some = [count for count in counts if count]
    usual = int(np.median(some)) if some else 1
    odd = _odd(areas)
    measured = []
    for one, area, part, count, far in zip(masks, areas, sizes, counts, odd, strict=True):
        flags = [
            flag
            for flag, holds in (("empty", not count), ("parts", count > usual), ("area", far))
            if holds
        ]
        quality = one.margin * float(part[:usual].sum())
        measured.append(Quality(float(area), count, quality, tuple(flags)))
    return measured


def _parts(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shares of the mask in its connected parts, the largest first."""
    from scipy.ndimage import label

    labelled, _ = label(mask)
    sizes = np.sort(np.bincount(labelled.ravel())[1:])[::-1]
    shares: NDArray[np.float64] = sizes / max(1, int(sizes.sum()))
    return shares


def _odd(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which areas are far from the median of those that are not 0."""
    there = areas > 0
    odd = np.zeros(len(areas), np.bool_)
    if there.any():
        size = np.log(areas[there])
        away = np.abs(size - np.median(size))
        spread = max(_SPREAD * float(np.median(away)), 0.05)  # equal areas have no spread
        odd[there] = away > _FAR * spread
    return odd
