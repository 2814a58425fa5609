"""A state dict of MONAI's DenseNet121 for two classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import DenseNet121
from numpy.typing import NDArray


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write ``model.pt``; returns the function that scores as MONAI itself does."""
    torch.manual_seed(0)
    model = DenseNet121(spatial_dims=2, in_channels=1, out_channels=2).eval()
    torch.save(model.state_dict(), folder / "model.pt")

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = model(torch.from_numpy(images)).softmax(dim=1).numpy()
        return found[:, 1:]

    return scores
