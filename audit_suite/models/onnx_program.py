"""An ONNX program in ONNX Runtime, on the device of its input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.models.arrays import ArrayModel
from audit_suite.models.libraries import needing

_ON_CUDA = {  # by default algorithms are chosen by the clock, and more memory is taken than needed
    "use_tf32": "0",
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}


class OnnxProgram(ArrayModel):
    """A program with one input.

    Args:
        path: The program.

    Attributes:
        kind: Type of its input, such as ``tensor(float)``.
        shape: Of its input; None where any number fits.
        last: Whether it takes (B, H, W, C).
    """

    library = "onnxruntime"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._sessions: dict[str, Any] = {}
        (image,) = self._session("cpu").get_inputs()
        self._input = str(image.name)
        self.kind = str(image.type)
        self.shape = tuple(side if isinstance(side, int) else None for side in image.shape)
        self.last = False
        self._device = "cpu"

    def forward(self, batch: Tensor) -> Any:
        """The outputs by name, computed on the batch's device if ONNX Runtime can."""
        self._device = batch.device.type if isinstance(batch, Tensor) else "cpu"
        return super().forward(batch)

    def run(self, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """The outputs by name.

        Raises:
            RuntimeError: What ONNX Runtime raises.
        """
        fed = images.transpose(0, 2, 3, 1) if self.last else images
        kind = np.float16 if "float16" in self.kind else np.float32
        session = self._session(self._device)
        names = [output.name for output in session.get_outputs()]
        try:
            outputs = session.run(names, {self._input: np.ascontiguousarray(fed, kind)})
        except Exception as error:  # of classes of its own
            raise RuntimeError(str(error).partition("\n")[0]) from None
        return dict(zip(names, outputs, strict=True))

    def _session(self, device: str) -> Any:
        if device not in self._sessions:
            with needing("onnxruntime", "onnx"):
                import onnxruntime
            settings = onnxruntime.SessionOptions()
            settings.intra_op_num_threads = torch.get_num_threads()
            settings.log_severity_level = 3
            providers: list[Any] = ["CPUExecutionProvider"]
            cuda = "CUDAExecutionProvider"
            if device == "cuda" and cuda in onnxruntime.get_available_providers():
                settings.use_deterministic_compute = True
                providers.insert(0, (cuda, _ON_CUDA))
            self._sessions[device] = onnxruntime.InferenceSession(
                str(self._path), settings, providers=providers
            )
        return self._sessions[device]
