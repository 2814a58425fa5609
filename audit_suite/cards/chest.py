"""Chest radiographs: which names mean the lungs, and the region that is proposed for them."""

from __future__ import annotations

import re
from collections.abc import Collection

LUNGS_MEDIASTINUM = "lungs-mediastinum"
"""The name proposed for the hull around both lungs."""
WHY_HULL = "outlines of lungs leave out the heart, the mediastinum and the lung behind them"

_LUNG = re.compile(r"(?<![a-z])lungs?(?![a-z])", re.IGNORECASE)
_SIDES = ("left", "right")


def are_lungs(names: Collection[str]) -> bool:
    """Whether names of regions, classes or folders mean both lungs and nothing else.

    One name may mean both (``lungs``, ``lung_masks``); a left lung needs a right one.
    """
    sides = [side for side in _SIDES if any(side in name.lower() for name in names)]
    return bool(names) and all(map(_LUNG.search, names)) and len(sides) != 1
