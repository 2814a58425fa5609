"""Binormal scores: what decision-rules and the planned power assume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from decisions.sums import Floats, Ints, Sums, sums_of

WITHIN_PATIENT = 0.5  # share of the score's variance that the images of a patient share
_CELLS = 400_000  # scores held at once: more would be new memory for every part


@dataclass(frozen=True)
class Design:
    """A model and the patients on whom it is audited.

    Attributes:
        auroc: AUROC on whole images.
        kept: Share of the skill that is left with the box hidden.
        patients: Patients.
        prevalence: Share of them with the finding; the number is not random.
        images: Images of each patient.
        inverted: Whether black alone turns round what is left.
        between_fills: Correlation of the scores under two fills.
        fills: Number of fills.
    """

    auroc: float
    kept: float
    patients: int
    prevalence: float
    images: int = 1
    inverted: bool = False
    between_fills: float = 0.7
    fills: int = 3

    @property
    def positives(self) -> int:
        """Patients with the finding."""
        return round(self.patients * self.prevalence)

    @property
    def hidden(self) -> Floats:
        """True AUROCs under the fills, black first."""
        left = np.full(self.fills, self.kept * (self.auroc - 0.5))
        left[0] *= -1 if self.inverted else 1
        return 0.5 + left


def layout(design: Design) -> tuple[Ints, Ints]:
    """Labels and patients of the images, each of shape (N,)."""
    patients = np.repeat(np.arange(design.patients), design.images)
    return (patients < design.positives).astype(int), patients


def simulate(design: Design, replicates: int, seed: int) -> list[Sums]:
    """Draw test sets and estimate them, in parts that fit in memory.

    Args:
        design: The model and its patients.
        replicates: Number of test sets.
        seed: Decides all scores.
    """
    rng = np.random.default_rng([seed, *_numbers(design)])
    labels, patients = layout(design)
    part = max(1, _CELLS // (len(labels) * (design.fills + 1)))
    sizes = [min(part, replicates - done) for done in range(0, replicates, part)]
    return [sums_of(labels, patients, draw(rng, design, labels, patients, size)) for size in sizes]


def draw(
    rng: np.random.Generator, design: Design, labels: Ints, patients: Ints, replicates: int
) -> Floats:
    """Scores of whole and masked images, shape (replicates, 1 + fills, N)."""
    return signal(design, labels) + noise(rng, design, patients, replicates)


def signal(design: Design, labels: Ints) -> Floats:
    """What the label adds to the scores, shape (1 + fills, N)."""
    shifts: Floats = 2**0.5 * ndtri(np.array([design.auroc, *design.hidden]))
    return shifts[:, None] * labels


def noise(rng: np.random.Generator, design: Design, patients: Ints, replicates: int) -> Floats:
    """The rest of the scores, of unit variance, shape (replicates, 1 + fills, N)."""
    root = np.linalg.cholesky(correlations(design))
    own = rng.normal(size=(replicates, len(root), len(patients)))
    if design.images > 1:
        shared = rng.normal(size=(replicates, len(root), design.patients))[..., patients]
        own = (1 - WITHIN_PATIENT) ** 0.5 * own + WITHIN_PATIENT**0.5 * shared
    mixed: Floats = root @ own
    return mixed


def correlations(design: Design) -> Floats:
    """Correlations of the scores' noise: the whole image, then the fills."""
    matrix = np.full((design.fills + 1,) * 2, design.between_fills)
    matrix[0] = matrix[:, 0] = 0.3 + 0.5 * design.kept
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _numbers(design: Design) -> list[int]:
    return [round(1000 * float(value)) for value in vars(design).values()]
