"""An artefact inside the ROI."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import grid, soft
from audit_suite.phantoms.shortcut import ROIS, Image, Regions, register_shortcut, to_bytes
from audit_suite.regions import signed_distance


def roi_artefact(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """Something in the ROI that is not the disease: an electrode on a lung, dust on a disc."""
    roi = np.logical_or.reduce([regions[name] for name in ROIS if name in regions])
    depth = -signed_distance(roi)
    deep = np.argwhere(depth > 0.5 * depth.max())
    row, column = deep[int(rng.random() * len(deep))]
    x, y = grid(image.shape[0])
    distance = np.hypot(x - x[row, column], y - y[row, column])
    spot = soft(0.09 - distance, 0.04) * roi
    level = 250 if image.ndim == 2 else 25
    weight = strength * (spot if image.ndim == 2 else spot[..., None])
    return to_bytes(image + weight * (level - image.astype(np.float32)))


register_shortcut("roi_artefact", roi_artefact)
