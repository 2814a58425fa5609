"""Coverage of nominal 95 % intervals of AUROCs, their differences, and shares of skill kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from audit_suite.statistics import FEWEST_PATIENTS
from covering.scores import Cell, batches
from decisions.contrasts import Tails, p_of_auroc, p_of_difference, p_of_share

AUROCS, PATIENTS, IMAGES, PREVALENCES = (0.5, 0.7, 0.9), (60, 200, 800), (1, 4), (0.1, 0.5)
CORRELATIONS = (0.7, 0.9, 0.99)  # fills correlate by the larger ones
SHARES = (-0.25, 0.0, 0.25, 0.6)  # of skill kept, below 0 where scores are turned round


def cells() -> Iterator[Cell]:
    """Every cell with enough patients for a verdict."""
    for values in itertools.product(AUROCS, PATIENTS, IMAGES, PREVALENCES, CORRELATIONS, SHARES):
        cell = Cell(*values)
        if min(cell.positives, cell.patients - cell.positives) < FEWEST_PATIENTS:
            continue
        if cell.auroc > 0.5 or cell.share == SHARES[0]:  # without skill all shares are alike
            yield cell


def covered(cell: Cell, replicates: int, seed: int) -> dict[str, Any]:
    """How often the intervals of one cell hold the truth."""
    held: dict[str, list[float]] = {"single": [], "paired": [], "kept": []}
    for sums in batches(cell, replicates, seed):
        held["single"] += _held(p_of_auroc(sums, 0, cell.auroc))
        held["paired"] += _held(p_of_difference(sums, 0, 1, cell.auroc - cell.second))
        if cell.auroc > 0.5:
            held["kept"] += _held(p_of_share(sums, 1, 0, cell.share))
    shares = {name: float(np.mean(values)) for name, values in held.items() if values}
    return {**cell._asdict(), "replicates": len(held["single"]), **shares}


def _held(tails: Tails) -> list[float]:
    return (np.minimum(*tails) >= 0.025).tolist()
