"""Images chosen by hash: a sample of a data set, and who lends whom a region or background."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import Dataset

_SAMPLE = 64  # images for the mean, which also serve as donors of regions and backgrounds


def donor(dataset: Dataset, index: int, seed: int, candidates: list[int]) -> int | None:
    """One of the candidates that belongs to another patient, by hash; None if there is none."""
    patient = dataset.cases[index].patient
    others = [i for i in candidates if dataset.cases[i].patient != patient]
    if not others:
        return None
    return others[seed_of(f"{seed}/{dataset.digest}/donor/{index}") % len(others)]


def lenders(dataset: Dataset, seed: int, used: NDArray[np.bool_]) -> list[int | None]:
    """The donor of every image of a data set.

    Args:
        dataset: The data set.
        seed: The run's seed.
        used: Which of its images can be read.
    """
    candidates = [i for i in sampled(dataset) if used[i]]
    return [donor(dataset, i, seed, candidates) for i in range(len(dataset.cases))]


def sampled(dataset: Dataset) -> list[int]:
    """The images from which the mean and the donors come, chosen by hash, in order."""
    return drawn(dataset, range(len(dataset.cases)), _SAMPLE)


def drawn(dataset: Dataset, candidates: Sequence[int], count: int) -> list[int]:
    """Some of the images, chosen by hash, in order.

    Every n-th image would have the same class or view in a data set that alternates them.
    """
    ranked = sorted(candidates, key=lambda i: _hash(f"{dataset.digest}/sample/{i}"))
    return sorted(ranked[:count])


def seed_of(text: str) -> int:
    """A seed from a text."""
    return int.from_bytes(_hash(text)[:4])


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
