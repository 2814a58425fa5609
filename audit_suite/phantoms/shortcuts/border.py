"""A dark margin."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import grid
from audit_suite.phantoms.shortcut import Image, Regions, paint, register_shortcut


def border(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Collimation: the margin of the image goes dark."""
    x, y = grid(image.shape[0])
    blades = 1 - rng.uniform(0.05, 0.12, 4)
    outside = (x < -blades[0]) | (x > blades[1]) | (y < -blades[2]) | (y > blades[3])
    return paint(image, regions, outside.astype(np.float32), 4, strength)


register_shortcut("border", border)
