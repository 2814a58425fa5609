"""Run a program that takes a fixed number of images on batches of any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class FixedBatch(nn.Module):
    """A program exported with a fixed batch; one image is the default of most exporters.

    Args:
        program: From exactly ``size`` images to a tensor, or to a table or list of tensors, with
            one row per image.
        size: How many images it takes.
    """

    def __init__(self, program: nn.Module, size: int) -> None:
        super().__init__()
        self.program = program
        self.size = size

    def forward(self, batch: Tensor) -> Any:
        """The outputs of all images; the last part is filled up by its last image.

        Raises:
            TypeError: If it is traced instead of called.
        """
        if not isinstance(batch, Tensor):
            raise TypeError("a program for a fixed number of images shows no layers")
        parts = []
        for part in torch.split(batch, self.size):
            missing = self.size - len(part)
            filled = torch.cat([part, part[-1:].expand(missing, -1, -1, -1)]) if missing else part
            parts.append(self.program(filled))
        return _joined(parts, len(batch))


def _joined(parts: list[Any], count: int) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts)[:count]
    if isinstance(first, dict):
        return {key: _joined([part[key] for part in parts], count) for key in first}
    return [_joined(list(each), count) for each in zip(*parts, strict=True)]
