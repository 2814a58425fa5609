"""Another exposure."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shortcut import Image, Regions, register_shortcut, to_bytes


def exposure(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """A brighter exposure of the whole image."""
    gamma = 1 - 0.35 * strength * rng.uniform(0.8, 1.2)
    return to_bytes(255 * (image / 255.0) ** gamma)


register_shortcut("exposure", exposure)
