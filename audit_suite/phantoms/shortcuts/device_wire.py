"""The lead of a monitor."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import strokes
from audit_suite.phantoms.shortcut import Image, Regions, paint, register_shortcut


def device_wire(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """The lead of a monitor, from the shoulder down the flank; hidden where it crosses the ROI."""
    side = 1 if rng.random() < 0.5 else -1
    y = np.linspace(-1, 1, 24)
    x = side * (0.80 + 0.10 * np.sin(y * 3 + rng.uniform(0, 6)))
    wire = [(list(zip(x.tolist(), y.tolist(), strict=True)), 0.035)]
    return paint(image, regions, strokes(image.shape[0], wire), 250, strength)


register_shortcut("device_wire", device_wire)
