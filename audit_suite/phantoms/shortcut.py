"""What a shortcut is: something a model may read instead of the disease, as a plain callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.errors import AuditError
from audit_suite.registry import Registry, registering

Image = NDArray[Any]
Regions = Mapping[str, NDArray[np.bool_]]
Shortcut = Callable[
    [Image, Regions, np.random.Generator, float], Image | tuple[Image, dict[str, NDArray[np.bool_]]]
]
"""``(image, regions, rng, strength) -> image``: image uint8, strength how visible, 0 to 1. One that
changes the regions too returns ``(image, regions)``."""

ROIS = ("lungs", "disc")
"""Regions that are a target's ROI, of either kind of phantom."""
SHORTCUTS: Registry[Shortcut] = Registry("shortcut", "audit_suite.phantoms.shortcuts")


def register_shortcut(name: str, shortcut: Shortcut) -> None:
    """Make a kind of shortcut known to data set cards.

    Args:
        name: The name a card uses under ``[[phantom.shortcuts]]``.
        shortcut: Called as ``shortcut(image, regions, rng, strength)``; must return a new image of
            the same shape and type (or that and new regions), and draw random numbers from ``rng``
            alone.

    Raises:
        AuditError: If it is not callable, or another module has registered that name.
    """
    if not callable(shortcut):
        raise AuditError(
            f"{registering()} registers the shortcut '{name}': {shortcut!r} is not callable",
            "register a function of (image, regions, rng, strength) that returns an image",
        )
    SHORTCUTS.register(name, shortcut)


def get_shortcut(name: str) -> Shortcut:
    """The shortcut with a name.

    Raises:
        AuditError: If the name is unknown; lists the known ones.
    """
    return SHORTCUTS.find(
        name,
        remedy="correct the card, or register it with the hook pytest_audit_register_shortcuts",
    )


def plant_shortcut(
    name: str, image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> tuple[Image, dict[str, NDArray[np.bool_]]]:
    """Plant a shortcut in an image.

    Args:
        name: A registered shortcut.
        image: Shape (S, S) or (S, S, 3), uint8.
        regions: Masks by name, each of shape (S, S).
        rng: Decides every random draw.
        strength: How visible it is, 0 to 1.

    Returns:
        A new image of the same shape and type, and the regions.

    Raises:
        AuditError: If there is no such shortcut, or an extension's raises or returns anything
            else; names the extension.
    """
    shortcut = get_shortcut(name)
    with SHORTCUTS.blaming(name):
        planted = shortcut(image, regions, rng, strength)
        new, masks = planted if isinstance(planted, tuple) else (planted, regions)
        masks = dict(masks)
    if not isinstance(new, np.ndarray) or (new.shape, new.dtype) != (image.shape, image.dtype):
        what = f"{new.dtype} {new.shape}" if isinstance(new, np.ndarray) else type(new).__name__
        raise SHORTCUTS.misbehaved(
            name, f"returned {what} for an image of {image.dtype} {image.shape}"
        )
    return new, masks


def paint(
    image: Image, regions: Regions, shape: NDArray[np.float32], level: float, strength: float
) -> Image:
    """Blend a shape into an image, outside every ROI.

    Args:
        image: Shape (S, S) or (S, S, 3), uint8.
        regions: Masks by name; the ROIs among them stay as they are.
        shape: Shape (S, S), opacity from 0 to 1.
        level: Grey level painted, 0 to 255.
        strength: Factor of the opacity.
    """
    weight = strength * shape
    for name in ROIS:
        if name in regions:
            weight = np.where(regions[name], 0, weight)
    weight = weight if image.ndim == 2 else weight[..., None]
    return to_bytes(image + weight * (level - image.astype(np.float32)))


def to_bytes(image: Image) -> Image:
    """Grey levels or colours, clipped to 0 to 255 and rounded to uint8."""
    return np.clip(image, 0, 255).round().astype(np.uint8)
