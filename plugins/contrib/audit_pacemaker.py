"""A shortcut in one file, written with the public API alone.

The shortcut is a pacemaker drawn over the shoulder: a device that sick patients have more often.
``-p audit_pacemaker`` makes it known to data set cards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def pacemaker(
    image: Image,
    regions: Mapping[str, NDArray[np.bool_]],
    rng: np.random.Generator,
    strength: float,
) -> Image:
    """Draw a bright capsule near the upper right corner, clear of every region."""
    height, width = image.shape[:2]
    row = height * rng.uniform(0.08, 0.12)
    column = width * rng.uniform(0.86, 0.92)
    rows, columns = np.mgrid[:height, :width]
    capsule = ((rows - row) / (0.05 * height)) ** 2 + ((columns - column) / (0.06 * width)) ** 2 < 1
    for region in regions.values():
        capsule &= ~region
    out = image.astype(float)
    out[capsule] += strength * (255 - out[capsule])
    return out.round().astype(np.uint8)


@pytest.hookimpl
def pytest_audit_register_shortcuts(register: Callable[[str, Any], None]) -> None:
    """Make the kind known to data set cards by name."""
    register("pacemaker", pacemaker)
