"""Shortcuts to plant: what a model may read instead of the disease, as plain callables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.errors import AuditError
from audit_suite.phantoms.shapes import grid, soft, strokes, texture
from audit_suite.regions import signed_distance

Image = NDArray[Any]
Regions = Mapping[str, NDArray[np.bool_]]
Shortcut = Callable[
    [Image, Regions, np.random.Generator, float], Image | tuple[Image, dict[str, NDArray[np.bool_]]]
]
"""``(image, regions, rng, strength) -> image``: image uint8, strength how visible, 0 to 1. One that
changes the regions too returns ``(image, regions)``."""

FRAMING = "framing"
"""Planted by the pose: the anatomy is drawn elsewhere in the frame, nothing is painted later."""
LARGER_MASK = 0.04  # of the frame, by which `mask_size` dilates the ROI

_ROIS = ("lungs", "disc")  # what a shortcut outside the ROI keeps clear of
_PARTS = (*_ROIS, "left_lung", "right_lung")
_registry: dict[str, Shortcut] = {}


def register_shortcut(name: str, shortcut: Shortcut) -> None:
    """Make a kind of shortcut known to data set cards.

    Args:
        name: The name a card uses under ``[[phantom.shortcuts]]``.
        shortcut: Called as ``shortcut(image, regions, rng, strength)``; must return a new image of
            the same shape and type (or that and new regions), and draw random numbers from ``rng``
            alone.

    Raises:
        AuditError: If another callable has that name.
    """
    if _registry.get(name, shortcut) is not shortcut:
        raise AuditError(f"there is a shortcut '{name}' already", "choose another name")
    _registry[name] = shortcut


def get_shortcut(name: str) -> Shortcut:
    """The shortcut of a name.

    Raises:
        AuditError: If there is none.
    """
    if name not in _registry:
        raise AuditError(
            f"there is no shortcut '{name}'; known: {', '.join(sorted(_registry))}",
            "correct the card, or register it with the hook pytest_audit_register_shortcuts",
        )
    return _registry[name]


def corner_marker(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """A side marker, the letter L in metal, in the upper left corner."""
    x, y = -0.86 + rng.uniform(-0.03, 0.03), -0.86 + rng.uniform(-0.03, 0.03)
    letter = [([(x, y - 0.09), (x, y + 0.09), (x + 0.11, y + 0.09)], 0.05)]
    return _paint(image, regions, strokes(image.shape[0], letter), 245, strength)


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
    return _paint(image, regions, strokes(image.shape[0], lines), 235, strength)


def border(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Collimation: the frame's margin goes dark."""
    x, y = grid(image.shape[0])
    blades = 1 - rng.uniform(0.05, 0.12, 4)
    outside = (x < -blades[0]) | (x > blades[1]) | (y < -blades[2]) | (y > blades[3])
    return _paint(image, regions, outside.astype(np.float32), 4, strength)


def device_wire(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """The lead of a monitor, from the shoulder down the flank; hidden where it crosses the ROI."""
    side = 1 if rng.random() < 0.5 else -1
    y = np.linspace(-1, 1, 24)
    x = side * (0.80 + 0.10 * np.sin(y * 3 + rng.uniform(0, 6)))
    wire = [(list(zip(x.tolist(), y.tolist(), strict=True)), 0.035)]
    return _paint(image, regions, strokes(image.shape[0], wire), 250, strength)


def exposure(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """A brighter exposure of the whole image."""
    gamma = 1 - 0.35 * strength * rng.uniform(0.8, 1.2)
    return _bytes(255 * (image / 255.0) ** gamma)


def scanner_noise(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """The grain of another detector over the whole image."""
    grain = texture(rng, image.shape[0], image.shape[0] // 2)
    return _bytes(image + 10 * strength * (grain if image.ndim == 2 else grain[..., None]))


def framing(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Another framing: the body lies 15 % of the frame lower, an optic disc as much inwards."""
    return image  # already so: the pose asked `planted_strength` before anything was drawn


def mask_size(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> tuple[Image, dict[str, NDArray[np.bool_]]]:
    """A segmenter that draws the ROI too large; the image stays as it is."""
    radius = round(LARGER_MASK * image.shape[0] * strength)
    larger = {
        name: signed_distance(region) <= radius if name in _PARTS and radius else region
        for name, region in regions.items()
    }
    return image, larger


def roi_artefact(
    image: Image, regions: Regions, rng: np.random.Generator, strength: float
) -> Image:
    """Something in the ROI that is no disease: an electrode over a lung, dust over a disc."""
    roi = np.logical_or.reduce([regions[name] for name in _ROIS if name in regions])
    depth = -signed_distance(roi)
    deep = np.argwhere(depth > 0.5 * depth.max())
    row, column = deep[int(rng.random() * len(deep))]
    x, y = grid(image.shape[0])
    distance = np.hypot(x - x[row, column], y - y[row, column])
    spot = soft(0.09 - distance, 0.04) * roi
    level = 250 if image.ndim == 2 else 25
    weight = strength * (spot if image.ndim == 2 else spot[..., None])
    return _bytes(image + weight * (level - image.astype(np.float32)))


def _paint(
    image: Image, regions: Regions, shape: NDArray[np.float32], level: float, strength: float
) -> Image:
    """Blend a shape in, outside every ROI."""
    weight = strength * shape
    for name in _ROIS:
        if name in regions:
            weight = np.where(regions[name], 0, weight)
    weight = weight if image.ndim == 2 else weight[..., None]
    return _bytes(image + weight * (level - image.astype(np.float32)))


def _bytes(image: Image) -> Image:
    return np.clip(image, 0, 255).round().astype(np.uint8)


for _shortcut in (
    corner_marker,
    burned_in_text,
    border,
    device_wire,
    exposure,
    scanner_noise,
    mask_size,
    roi_artefact,
):
    register_shortcut(_shortcut.__name__, _shortcut)
register_shortcut(FRAMING, framing)
