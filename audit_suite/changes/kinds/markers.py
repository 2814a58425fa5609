"""Side markers and text: what is written beside the anatomy says nothing of the patient."""

from __future__ import annotations

import numpy as np

from audit_suite.changes.change import Change, Mask, Picture, Scene, channels, register_change

_SIDE = 0.14  # of a corner, share of the shorter side
_STRIP = 0.07  # of a line of text at the upper and lower edge
_LETTERS = {"L": ("100", "100", "100", "100", "111"), "R": ("110", "101", "110", "101", "101")}


def added(picture: Picture, scene: Scene) -> Picture:
    """A bright letter in an upper corner, where it does not touch the region."""
    letter = _LETTERS["LR"[int(scene.rng.integers(2))]]
    side = _corner(picture)
    glyph = np.array([[int(pixel) for pixel in row] for row in letter], np.float32)
    unit = max(1, side // 7)
    drawn = np.kron(glyph, np.ones((unit, unit), np.float32))
    weight = np.zeros(picture.shape[:2], np.float32)
    left = unit if scene.rng.random() < 0.5 else picture.shape[1] - unit - drawn.shape[1]
    place = weight[unit : unit + drawn.shape[0], left : left + drawn.shape[1]]
    place[:] = drawn[: place.shape[0], : place.shape[1]]
    weight[scene.roi] = 0
    opacity = channels(weight, picture)
    return np.asarray(picture * (1 - opacity) + 0.92 * opacity, np.float32)


def removed(picture: Picture, scene: Scene) -> Picture:
    """All four corners blanked to the median of what surrounds them."""
    return _blanked(picture, scene, _corners(picture))


def moved(picture: Picture, scene: Scene) -> Picture:
    """What stands in one upper corner moved to the other, and the reverse."""
    side = _corner(picture)
    out = picture.copy()
    out[:side, :side], out[:side, -side:] = picture[:side, -side:], picture[:side, :side]
    return np.where(channels(scene.roi, picture), picture, out)


def without_text(picture: Picture, scene: Scene) -> Picture:
    """A strip along the upper and the lower edge blanked."""
    strip = max(1, round(_STRIP * picture.shape[0]))
    where = np.zeros(picture.shape[:2], np.bool_)
    where[:strip] = where[-strip:] = True
    return _blanked(picture, scene, where)


def _blanked(picture: Picture, scene: Scene, where: Mask) -> Picture:
    where = where & ~scene.roi
    left = ~where & ~scene.roi
    if not left.any():
        return picture.copy()
    level = np.median(picture[left], axis=0).astype(np.float32)
    return np.where(channels(where, picture), level, picture)


def _corner(picture: Picture) -> int:
    return max(2, round(_SIDE * float(min(picture.shape[:2]))))


def _corners(picture: Picture) -> Mask:
    side = _corner(picture)
    where = np.zeros(picture.shape[:2], np.bool_)
    for rows in (slice(side), slice(-side, None)):
        where[rows, :side] = where[rows, -side:] = True
    return where


register_change(Change("marker-added", "a side marker added", "none", added))
register_change(Change("marker-removed", "the corners blanked", "none", removed))
register_change(Change("marker-moved", "the upper corners exchanged", "none", moved))
register_change(Change("text-blanked", "the upper and lower edge blanked", "none", without_text))
