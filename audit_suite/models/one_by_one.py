"""Run a program that takes one image at a time on batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OneByOne(nn.Module):
    """A program exported with a batch of one, which is torch.export's default."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def forward(self, batch: Tensor) -> Tensor:
        """The outputs of each image, joined; shape (B, T)."""
        return torch.cat([self.program(image[None]) for image in batch])
