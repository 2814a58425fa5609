"""Images for people to see, in an order that no score decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from audit_suite.datasets import Dataset

CASES = (("positive 1", 1, 0), ("positive 2", 1, 1), ("negative 1", 0, 0))
"""Names of the cases that are shown: label, and place among the patients with that label."""


def candidates(dataset: Dataset, target: str, label: int) -> list[int]:
    """Indices of the images with a label that may be shown, by hash: never burned-in text.

    Args:
        dataset: The data set.
        target: Name of the target.
        label: 0 or 1.
    """
    return by_hash(
        dataset,
        (
            index
            for index, case in enumerate(dataset.cases)
            if case.labels.get(target) == label and case.shown
        ),
    )


def by_hash(dataset: Dataset, indices: Iterable[int]) -> list[int]:
    """Indices in an order that is chance, and the same for the same data set."""
    return sorted(
        indices, key=lambda index: hashlib.sha256(f"{dataset.digest}/{index}".encode()).digest()
    )
