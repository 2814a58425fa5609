"""Nine shortcuts that no rule was tuned on: they measure how causes are named.

Four lie outside the region (a ruler, a film label, folds of clothing, a lead shield), four are
diffuse (vignetting, grid lines, motion, blocks of a strong compression), and one lies on the lungs
(a tube). Leave them as they are: a kind that a rule was corrected on measures that rule no longer.
`docs/error-rates.md` has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.uint8]
Regions = Mapping[str, NDArray[np.bool_]]
Shortcut = Callable[[Image, Regions, np.random.Generator, float], Image]


def _bytes(image: NDArray[Any]) -> Image:
    return np.clip(image, 0, 255).round().astype(np.uint8)


def _outside(regions: Regions, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels of no region."""
    hidden = np.zeros(shape, dtype=bool)
    for region in regions.values():
        hidden |= region
    return ~hidden


def _first(regions: Regions) -> NDArray[np.bool_]:
    """The lungs, or the first region of another frame."""
    return regions.get("lungs", next(iter(regions.values())))


def _lighten(image: Image, where: NDArray[np.bool_], share: float) -> Image:
    out = image.astype(float)
    out[where] += share * (255 - out[where])
    return _bytes(out)


def ruler(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Ticks along the left edge."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    step = max(2, height // 10)
    tick = (columns < max(1, width // 16)) & ((rows + int(rng.integers(step))) % step == 0)
    return _lighten(image, tick & _outside(regions, tick.shape), strength)


def film_label(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """A dark plate with a bright frame in the lower left corner."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    top = height * rng.uniform(0.86, 0.9)
    plate = (rows >= top) & (columns < 0.22 * width) & ~_first(regions)
    inner = ndimage.binary_erosion(plate, iterations=max(1, height // 64))
    out = _lighten(image, plate & ~inner, strength).astype(float)
    out[inner] *= 1 - strength
    return _bytes(out)


def clothing(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Soft vertical folds beside the chest."""
    height, width = image.shape[:2]
    columns = np.broadcast_to(np.arange(width), (height, width))
    sides = (np.minimum(columns, width - 1 - columns) < 0.12 * width) & _outside(
        regions, columns.shape
    )
    waves = np.sin(columns / width * 90 + rng.uniform(0, 6.28))
    return _bytes(image + 45 * strength * waves * sides)


def lead_shield(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """A bright wedge at the lower edge, as an apron gives."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    edge = height * rng.uniform(0.9, 0.93) + 0.06 * height * np.abs(columns / width - 0.5)
    return _lighten(image, (rows > edge) & ~_first(regions), 0.7 * strength)


def vignette(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Light that falls off towards the edges, as a lens gives."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    away = (rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2
    return _bytes(image * (1 - strength * rng.uniform(0.8, 1.2) * away))


def grid_lines(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """The faint lines of an anti-scatter grid over the whole image."""
    rows = np.arange(image.shape[0])[:, None]
    lines = np.cos(np.pi * rows + rng.choice([0.0, np.pi]))
    return _bytes(image + 6 * strength * lines)


def motion(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """The blur of a patient who moved along the columns."""
    moved = ndimage.gaussian_filter1d(
        image.astype(float), sigma=0.9 * rng.uniform(0.8, 1.2), axis=0
    )
    return _bytes(image + strength * (moved - image))


def blocks(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """Blocks of a strong compression: each is drawn towards its mean."""
    height, width = image.shape[:2]
    side = 4
    out = image.astype(float)
    for top in range(0, height, side):
        for left in range(0, width, side):
            block = out[top : top + side, left : left + side]
            block += 0.6 * strength * (block.mean() - block)
    return _bytes(out)


def tube(image: Image, regions: Regions, rng: np.random.Generator, strength: float) -> Image:
    """A drain that lies on one lung."""
    height, width = image.shape[:2]
    lungs = _first(regions)
    places = np.argwhere(lungs)
    row, column = places[int(rng.integers(len(places)))]
    rows, columns = np.mgrid[:height, :width]
    line = np.abs(columns - column - 0.3 * (rows - row)) < max(0.6, width / 64)
    near = np.abs(rows - row) < 0.12 * height
    return _lighten(image, line & near & lungs, 0.8 * strength)


SHORTCUTS: dict[str, Shortcut] = {
    function.__name__: function
    for function in (
        ruler,
        film_label,
        clothing,
        lead_shield,
        vignette,
        grid_lines,
        motion,
        blocks,
        tube,
    )
}


@pytest.hookimpl
def pytest_audit_register_shortcuts(register: Callable[[str, Any], None]) -> None:
    """Make the kinds known to data set cards by name."""
    for name, shortcut in SHORTCUTS.items():
        register(name, shortcut)
