"""Images as base64-encoded PNG files."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 192
"""Longer side, in pixels: enough to recognise what is hidden."""


def png(image: NDArray[np.float32]) -> str:
    """An image as a PNG file, base64, scaled down if it is larger than `SIDE`.

    Args:
        image: Shape (C, H, W), in [0, 1]; values beyond are clipped.
    """
    pixels = (image.clip(0, 1).transpose(1, 2, 0) * 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=False)
    return base64.b64encode(buffer.getvalue()).decode()
