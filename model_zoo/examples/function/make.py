"""The weights of a plain function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Write ``weights.npy``; returns the function that scores by the same formula."""
    weights = np.random.default_rng(0).normal(size=32 * 32) / 32
    np.save(folder / "weights.npy", weights)

    def scores(images: NDArray[np.float32]) -> NDArray[np.float64]:
        logits = np.einsum("bchw,hw->b", images.astype(np.float64), weights.reshape(32, 32))
        found: NDArray[np.float64] = 1 / (1 + np.exp(-logits))[:, None]
        return found

    return scores
