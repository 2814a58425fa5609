"""A TorchScript program."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audit_suite.models.small_cnn import small_cnn


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write ``model.pt``; returns the function that scores as the network itself does."""
    torch.manual_seed(0)
    network = small_cnn(outputs=1, width=4).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.rand(2, 1, 32, 32)).save(str(folder / "model.pt"))

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = network(torch.from_numpy(images)).sigmoid().numpy()
        return found

    return scores
