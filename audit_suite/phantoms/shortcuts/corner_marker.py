"""A side marker in the corner."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import strokes
from audit_suite.phantoms.shortcut import Image, Regions, paint, register_shortcut


def corner_marker(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """A side marker, the letter L in metal, in the upper left corner."""
    x, y = -0.86 + rng.uniform(-0.03, 0.03), -0.86 + rng.uniform(-0.03, 0.03)
    letter = [([(x, y - 0.09), (x, y + 0.09), (x + 0.11, y + 0.09)], 0.05)]
    return paint(image, regions, strokes(image.shape[0], letter), 245, strength)


register_shortcut("corner_marker", corner_marker)
