"""An ONNX program with two outputs, and the network that it was exported from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from audit_suite.models.small_cnn import small_cnn


class WithEmbedding(nn.Module):
    """A network that also returns what its head is applied to."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and feature maps."""
        return self.network(image), self.network.features(image)


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write the program and the weights; returns the function that scores as ONNX Runtime does."""
    torch.manual_seed(0)
    network = small_cnn(outputs=1, width=4).eval()
    save_file(network.state_dict(), folder / "model.safetensors")
    torch.onnx.export(
        WithEmbedding(network).eval(),
        (torch.rand(2, 1, 32, 32),),
        folder / "model.onnx",
        input_names=["image"],
        output_names=["logits", "maps"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"image": images})
        found: NDArray[np.float32] = 1 / (1 + np.exp(-logits))
        return found

    return scores
