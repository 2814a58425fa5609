"""A network small enough to commit: the architecture of the reference models."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SmallCNN(nn.Module):
    """Three convolutions, mean and max over space, and a linear head; about 16,000 weights."""

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.embedding = nn.Sequential(nn.Linear(4 * width, 2 * width), nn.ReLU())
        self.head = nn.Linear(2 * width, outputs)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits, shape (B, outputs), of images of shape (B, 1, H, W)."""
        maps = self.features(batch)
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        scores: Tensor = self.head(self.embedding(pooled))
        return scores


def small_cnn(outputs: int = 1, width: int = 16) -> nn.Module:
    """Build the network.

    Args:
        outputs: Number of targets.
        width: Channels of the first convolution.
    """
    return SmallCNN(outputs, width)
