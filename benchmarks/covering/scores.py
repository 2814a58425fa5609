"""Binormal scores of two conditions, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from decisions.sums import Floats, Ints, Sums, sums_of

_CELLS = 400_000  # scores held at once


class Cell(NamedTuple):
    """One combination: a whole image's AUROC, patients, and how the second score set is made."""

    auroc: float
    patients: int
    images: int
    prevalence: float
    correlation: float
    share: float

    @property
    def positives(self) -> int:
        """Patients with the finding; not random."""
        return round(self.patients * self.prevalence)

    @property
    def second(self) -> float:
        """AUROC of the second score set."""
        return 0.5 + self.share * (self.auroc - 0.5)


def layout(cell: Cell) -> tuple[Ints, Ints]:
    """Labels and patients of the images."""
    patients = np.repeat(np.arange(cell.patients), cell.images)
    return (patients < cell.positives).astype(int), patients


def batches(cell: Cell, replicates: int, seed: int) -> Iterator[Sums]:
    """Test sets of two score sets each."""
    rng = np.random.default_rng([seed, *(abs(round(1000 * value)) for value in cell)])
    labels, patients = layout(cell)
    signal = (2**0.5 * ndtri([cell.auroc, cell.second]))[:, None] * labels
    part = max(1, _CELLS // (2 * len(labels)))
    for start in range(0, replicates, part):
        size = min(part, replicates - start)
        yield sums_of(labels, patients, signal + noise(rng, cell, patients, size))


def noise(rng: np.random.Generator, cell: Cell, patients: Ints, replicates: int) -> Floats:
    """Unit-variance noise, correlated between the two and within patients, shape (R, 2, N)."""
    rows = rng.normal(size=(replicates, 2, len(patients)))
    if cell.images > 1:
        shared = rng.normal(size=(replicates, 2, cell.patients))[..., patients]
        rows = (rows + shared) / 2**0.5
    rows[:, 1] = cell.correlation * rows[:, 0] + (1 - cell.correlation**2) ** 0.5 * rows[:, 1]
    return rows
