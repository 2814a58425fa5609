"""Another framing, drawn by the anatomy itself."""

from __future__ import annotations

import numpy as np

from audit_suite.phantoms.shortcut import Image, Regions, register_shortcut

FRAMING = "framing"
"""Planted by the pose: the anatomy is drawn elsewhere in the frame, nothing is painted later."""


def framing(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Another framing: the body lies 15 % of the frame lower, an optic disc as much inwards."""
    return image  # the pose asked `planted_strength` before anything was drawn


register_shortcut(FRAMING, framing)
