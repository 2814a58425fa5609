"""A small DenseNet of torchxrayvision with operating points, saved as a state dict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchxrayvision.models import DenseNet


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write ``densenet.pt``; returns the function that scores as torchxrayvision itself does."""
    torch.manual_seed(0)
    model = DenseNet(
        num_classes=3,
        growth_rate=4,
        block_config=(1, 1),
        num_init_features=8,
        op_threshs=torch.tensor([0.1, 0.3, 0.6]),
    ).eval()
    with torch.no_grad():  # as training would: its input is large
        model.features.conv0.weight.mul_(1e-3)
    torch.save(model.state_dict(), folder / "densenet.pt")

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        assert images.min() < -1000, "its range is -1024 to 1024"
        assert images.max() > 1000
        with torch.inference_mode():
            found: NDArray[np.float32] = model(torch.from_numpy(images)).numpy()
        return found[:, 2:]

    return scores
