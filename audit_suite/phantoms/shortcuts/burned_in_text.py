"""Text burned into the image."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shapes import strokes
from audit_suite.phantoms.shortcut import Image, Regions, paint, register_shortcut


def burned_in_text(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """A line of small characters along the lower edge."""
    lines: list[tuple[list[tuple[float, float]], float]] = []
    for position in range(9):
        x, y = -0.90 + 0.085 * position, 0.90
        corners = [(x, y - 0.05), (x + 0.05, y - 0.05), (x + 0.05, y + 0.05), (x, y + 0.05)]
        chosen = [corners[i] for i in rng.permutation(4)[:3]]
        lines.append((chosen, 0.028))
    return paint(image, regions, strokes(image.shape[0], lines), 235, strength)


register_shortcut("burned_in_text", burned_in_text)
