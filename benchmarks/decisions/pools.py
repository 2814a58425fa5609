"""Real score sets: many patients scored once, from whom test sets are drawn.

A pool is the truth of its model: its AUROCs are exact, and patients are drawn with replacement, so
that every test set is a sample of it. Copies of a patient count as different patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decisions.sums import Floats, Ints, Sums, sums_of

_CELLS = 400_000  # scores held at once


@dataclass(frozen=True)
class Pool:
    """Scores of one model on many patients.

    Attributes:
        name: The model's.
        truth: What was planted: honest, shortcut, partial, none.
        labels: Shape (N,), 0 or 1.
        patients: Shape (N,), whole numbers.
        scores: Shape (1 + fills, N): the whole image, then the box hidden by black, mean and blur.
    """

    name: str
    truth: str
    labels: Ints
    patients: Ints
    scores: Floats

    def sums(self) -> Sums:
        """AUROCs and influences of the whole pool."""
        _, numbers = np.unique(self.patients, return_inverse=True)
        return sums_of(self.labels, numbers, self.scores[None])

    @property
    def aurocs(self) -> Floats:
        """Its AUROCs, shape (1 + fills,): what test sets drawn from it estimate."""
        return self.sums().auroc[0]

    @property
    def kept(self) -> Floats:
        """Share of its skill under each fill, below 0 where scores are turned round."""
        full, *hidden = self.aurocs
        return (np.array(hidden) - 0.5) / (full - 0.5)

    @property
    def images(self) -> float:
        """Images per patient."""
        return len(self.patients) / len(np.unique(self.patients))

    def save(self, path: Path) -> None:
        """Write it; `load` reads it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Pool:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in ("labels", "patients", "scores")}
            return cls(str(stored["name"]), str(stored["truth"]), **arrays)


def resample(
    pool: Pool, patients: int, prevalence: float, replicates: int, seed: int
) -> list[Sums]:
    """Draw test sets from a pool and estimate them.

    Args:
        pool: The scores.
        patients: Patients of each test set.
        prevalence: Share of them with the finding; the number is not random.
        replicates: Number of test sets.
        seed: Decides who is drawn.
    """
    rng = np.random.default_rng([seed, patients, round(1000 * prevalence)])
    order = np.argsort(pool.patients, kind="stable")
    _, first, counts = np.unique(pool.patients[order], return_index=True, return_counts=True)
    images = np.split(order, first[1:])
    sick = np.array([pool.labels[own].any() for own in images])
    wanted = round(patients * prevalence)
    drawn = np.concatenate(
        [
            rng.choice(np.flatnonzero(sick), (replicates, wanted)),
            rng.choice(np.flatnonzero(~sick), (replicates, patients - wanted)),
        ],
        axis=1,
    )
    if len(set(counts)) == 1 and _alike(pool.labels[np.stack(images)]):
        return _at_once(pool, np.stack(images), drawn, wanted)
    sums = []
    for row in drawn:
        chosen = np.concatenate([images[number] for number in row])
        names = np.repeat(np.arange(patients), counts[row])
        sums.append(sums_of(pool.labels[chosen], names, pool.scores[None][..., chosen]))
    return sums


def _alike(labels: Ints) -> bool:
    """Whether the images of each patient have one label, shape (patients, images)."""
    return bool((labels == labels[:, :1]).all())


def _at_once(pool: Pool, images: Ints, drawn: Ints, wanted: int) -> list[Sums]:
    """The same for patients with equal numbers of images: all test sets have one layout."""
    names = np.repeat(np.arange(drawn.shape[1]), images.shape[1])
    labels = (names < wanted).astype(int)
    part = max(1, _CELLS // (len(names) * len(pool.scores)))
    sums = []
    for start in range(0, len(drawn), part):
        chosen = images[drawn[start : start + part]].reshape(-1, len(names))
        sums.append(sums_of(labels, names, pool.scores[:, chosen].transpose(1, 0, 2)))
    return sums
