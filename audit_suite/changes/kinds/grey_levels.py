"""Display and storage: window, level, bit depth, JPEG at the quality of archives."""

from __future__ import annotations

import io

import numpy as np

from audit_suite.changes.change import Change, Picture, Scene, register_change

_WINDOW, _LEVEL = 0.10, 0.04
_GREYS = 127  # 7 bits
_QUALITY = 90


def windowed(picture: Picture, scene: Scene) -> Picture:
    """Contrast about the picture's median raised or lowered by a tenth."""
    factor = 1 + (_WINDOW if scene.rng.random() < 0.5 else -_WINDOW)
    middle = np.float32(np.median(picture))
    return ((picture - middle) * factor + middle).astype(np.float32)


def levelled(picture: Picture, scene: Scene) -> Picture:
    """All grey levels raised or lowered by 4 % of the range."""
    return picture + np.float32(_LEVEL if scene.rng.random() < 0.5 else -_LEVEL)


def coarser(picture: Picture, scene: Scene) -> Picture:
    """Rounded to 128 grey levels."""
    return (np.round(picture * _GREYS) / _GREYS).astype(np.float32)


def archived(picture: Picture, scene: Scene) -> Picture:
    """Stored as JPEG of quality 90."""
    return as_jpeg(picture, _QUALITY)


def as_jpeg(picture: Picture, quality: int) -> Picture:
    """A picture as it comes back from a JPEG file of eight bits.

    Args:
        picture: The picture.
        quality: 1 to 95.
    """
    from PIL import Image

    file = io.BytesIO()
    levels = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    with Image.open(file) as stored:
        return (np.asarray(stored) / np.float32(255)).astype(np.float32)


register_change(Change("window", "the window a tenth wider or narrower", "none", windowed))
register_change(Change("level", "the level moved by 4 %", "none", levelled))
register_change(Change("bit-depth", "128 grey levels", "none", coarser))
register_change(Change("jpeg", "JPEG of quality 90", "none", archived))
