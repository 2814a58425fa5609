"""Corruptions at five severities, after Hendrycks and Dietterich 2019, as radiographs have them."""

from __future__ import annotations

from functools import partial

import numpy as np

from audit_suite.changes.change import (
    Change,
    Picture,
    Scene,
    by_plane,
    channels,
    part_of,
    register_change,
)
from audit_suite.changes.kinds.grey_levels import as_jpeg

_NOISE = (0.02, 0.04, 0.06, 0.09, 0.13)  # standard deviation, of the range
_BLUR = (0.003, 0.006, 0.010, 0.015, 0.022)  # standard deviation, of the longer side
_CONTRAST = (0.85, 0.70, 0.55, 0.40, 0.28)  # of the picture's own
_GAMMA = (1.2, 1.4, 1.7, 2.1, 2.6)
_QUALITY = (60, 40, 25, 15, 8)
_PIXELS = (192, 128, 96, 64, 40)  # of the longer side
_MOTION = (0.012, 0.020, 0.032, 0.048, 0.070)  # of the longer side
_COLLIMATION = (0.02, 0.04, 0.06, 0.09, 0.12)  # of each side
_LINES = (0.005, 0.010, 0.020, 0.040, 0.080)  # of the rows


def noise(picture: Picture, scene: Scene) -> Picture:
    """Noise of a low dose: its variance grows with what is dark on film, and bright here."""
    drawn = scene.rng.standard_normal(picture.shape[:2]).astype(np.float32)
    level = _at(_NOISE, scene) * np.sqrt(0.25 + picture)
    return np.asarray(picture + level * channels(drawn, picture), np.float32)


def blur(picture: Picture, scene: Scene) -> Picture:
    """Out of focus."""
    from scipy.ndimage import gaussian_filter

    sigma = _at(_BLUR, scene) * max(picture.shape[:2])
    return by_plane(picture, partial(gaussian_filter, sigma=sigma))


def contrast(picture: Picture, scene: Scene) -> Picture:
    """Contrast lost about the mean."""
    mean = np.float32(picture.mean())
    return ((picture - mean) * _at(_CONTRAST, scene) + mean).astype(np.float32)


def exposure(picture: Picture, scene: Scene) -> Picture:
    """Over- or underexposed: a gamma above or below 1."""
    gamma = _at(_GAMMA, scene)
    return np.asarray(picture ** (gamma if scene.rng.random() < 0.5 else 1 / gamma), np.float32)


def compression(picture: Picture, scene: Scene) -> Picture:
    """JPEG of low quality."""
    return as_jpeg(picture, int(_at(_QUALITY, scene)))


def pixelation(picture: Picture, scene: Scene) -> Picture:
    """Stored with few pixels; a smaller picture stays as it is."""
    height, width = picture.shape[:2]
    share = min(1.0, _at(_PIXELS, scene) / max(height, width))
    rows, columns = (max(1, round(side * share)) for side in (height, width))
    down = np.linspace(0, height, rows + 1).astype(int)[:-1]
    right = np.linspace(0, width, columns + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(picture, down, axis=0), right, axis=1)
    sizes = np.outer(np.diff([*down, height]), np.diff([*right, width]))
    means = sums / channels(sizes, picture)
    of_row = np.searchsorted(down, np.arange(height), side="right") - 1
    of_column = np.searchsorted(right, np.arange(width), side="right") - 1
    return np.asarray(means[of_row][:, of_column], np.float32)


def motion(picture: Picture, scene: Scene) -> Picture:
    """The patient breathed: smeared along the body."""
    from scipy.ndimage import uniform_filter1d

    length = part_of(picture, _at(_MOTION, scene))
    return np.asarray(uniform_filter1d(picture, length, axis=0, mode="nearest"), np.float32)


def collimation(picture: Picture, scene: Scene) -> Picture:
    """A black rim, as of leaves of the collimator."""
    out = picture.copy()
    height, width = picture.shape[:2]
    down, right = (max(1, round(_at(_COLLIMATION, scene) * side)) for side in (height, width))
    out[:down] = out[-down:] = 0
    out[:, :right] = out[:, -right:] = 0
    return out


def dead_lines(picture: Picture, scene: Scene) -> Picture:
    """Rows of the detector that give nothing."""
    out = picture.copy()
    height = picture.shape[0]
    count = max(1, round(_at(_LINES, scene) * height))
    out[scene.rng.choice(height, count, replace=False)] = 0
    return out


def _at(levels: tuple[float, ...], scene: Scene) -> float:
    return levels[scene.severity - 1]


register_change(Change("noise", "noise", "worse", noise))
register_change(Change("blur", "blur", "worse", blur))
register_change(Change("contrast", "loss of contrast", "worse", contrast))
register_change(Change("exposure", "over- or underexposure", "worse", exposure))
register_change(Change("compression", "compression", "worse", compression))
register_change(Change("pixelation", "pixelation", "worse", pixelation))
register_change(Change("motion", "motion", "worse", motion))
register_change(Change("collimation", "a collimated rim", "worse", collimation))
register_change(Change("dead-lines", "dead lines", "worse", dead_lines))
