"""A region drawn too large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit_suite.phantoms.shortcut import ROIS, Image, Regions, register_shortcut
from audit_suite.regions import signed_distance

_LARGER = 0.04  # of the image's side, by which the ROI is dilated
_PARTS = (*ROIS, "left_lung", "right_lung")


def mask_size(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> tuple[Image, dict[str, NDArray[np.bool_]]]:
    """A segmenter that draws the ROI too large; the image stays as it is."""
    radius = round(_LARGER * image.shape[0] * strength)
    larger = {
        name: signed_distance(region) <= radius if name in _PARTS and radius else region
        for name, region in regions.items()
    }
    return image, larger


register_shortcut("mask_size", mask_size)
