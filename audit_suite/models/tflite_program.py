"""A TFLite program in LiteRT's interpreter, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit_suite.models.arrays import ArrayModel
from audit_suite.models.libraries import needing


class TfliteProgram(ArrayModel):
    """A program for a fixed number of images.

    Args:
        path: The program.

    Attributes:
        inputs: How many inputs it has.
        kind: Type of the first, such as ``float32``.
        shape: Of the first.
        last: Whether it takes (B, H, W, C).
    """

    library = "ai_edge_litert"

    def __init__(self, path: Path) -> None:
        super().__init__()
        with needing("ai-edge-litert", "tflite"):
            from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=torch.get_num_threads())
        self._interpreter.allocate_tensors()
        image, *more = self._interpreter.get_input_details()
        self.inputs = 1 + len(more)
        self._input = image["index"]
        self.kind = np.dtype(image["dtype"]).name
        self.shape = tuple(int(side) for side in image["shape"])
        self.last = True

    def run(self, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """The outputs by name; those of a quantised program in its own units."""
        fed = images.transpose(0, 2, 3, 1) if self.last else images
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(fed))
        self._interpreter.invoke()
        return {
            str(output["name"]): _real(self._interpreter.get_tensor(output["index"]), output)
            for output in self._interpreter.get_output_details()
        }


def _real(values: NDArray[Any], output: dict[str, Any]) -> NDArray[np.float32]:
    """Numbers as they are meant: integers of a quantised output are scaled."""
    scale, zero = output["quantization"]
    real: NDArray[np.float32] = values.astype(np.float32)
    return real if values.dtype.kind == "f" or not scale else (real - zero) * np.float32(scale)
