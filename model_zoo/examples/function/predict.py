"""A release pipeline's own function: an array of images in, probabilities out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def predict(images: NDArray[np.float32], weights: str) -> list[list[float]]:
    """Probabilities of normal and pneumonia.

    Args:
        images: Shape (B, 1, 32, 32), normalised as the card says.
        weights: The file that the card names.
    """
    logits = images.reshape(len(images), -1) @ _read(weights)
    sick = 1 / (1 + np.exp(-logits))
    return [[1 - p, p] for p in sick.tolist()]


@cache
def _read(path: str) -> NDArray[Any]:
    return np.load(path, allow_pickle=False)
