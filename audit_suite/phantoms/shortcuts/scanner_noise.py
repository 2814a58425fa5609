"""Another detector's grain."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import texture
from audit_suite.phantoms.shortcut import Image, Regions, register_shortcut, to_bytes


def scanner_noise(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """The grain of another detector over the whole image."""
    grain = texture(rng, image.shape[0], image.shape[0] // 2)
    return to_bytes(image + 10 * strength * (grain if image.ndim == 2 else grain[..., None]))


register_shortcut("scanner_noise", scanner_noise)
