"""A MONAI bundle: ``configs/inference.json`` and ``models/model.pt``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import DenseNet
from numpy.typing import NDArray

NETWORK = {
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 2,
    "init_features": 8,
    "growth_rate": 4,
    "block_config": [1, 1],
}


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write the folder ``bundle``; returns the function that scores as MONAI itself does."""
    torch.manual_seed(0)
    model = DenseNet(**NETWORK).eval()
    for name in ("configs", "models"):
        (folder / "bundle" / name).mkdir(parents=True, exist_ok=True)
    config = {
        "bundle_root": ".",
        "device": "$torch.device('cpu')",
        "network_def": {"_target_": "DenseNet", **NETWORK},
        "network": "$@network_def.to(@device)",
    }
    (folder / "bundle/configs/inference.json").write_text(json.dumps(config))
    torch.save({"model": model.state_dict()}, folder / "bundle/models/model.pt")

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = model(torch.from_numpy(images)).sigmoid().numpy()
        return found

    return scores
