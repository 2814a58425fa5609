"""Networks other than the small CNN, so that figures do not describe one architecture alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions around which the input is added (He et al., CVPR 2016)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.around = nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape (B, C, H, W)."""
        return torch.relu(self.body(maps) + self.around(maps))


class TinyResNet(nn.Module):
    """A stem, four residual blocks, mean over space, a linear head: ResNet-18 in small."""

    def __init__(self, outputs: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            Block(width, width, 2),
            Block(width, 2 * width, 2),
            Block(2 * width, 4 * width, 2),
            Block(4 * width, 4 * width, 1),
        )
        self.embedding = nn.Flatten()
        self.head = nn.Linear(4 * width, outputs)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits, shape (B, outputs), of images of shape (B, 1, H, W)."""
        maps = self.blocks(self.stem(batch))
        scores: Tensor = self.head(self.embedding(maps.mean(dim=(2, 3))))
        return scores


class PatchTransformer(nn.Module):
    """Patches, places, three layers of attention, mean over patches, a linear head."""

    def __init__(self, outputs: int, width: int, pixels: int) -> None:
        super().__init__()
        patch = pixels // 8
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.places = nn.Parameter(torch.randn(1, 64, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.embedding = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits, shape (B, outputs), of images of shape (B, 1, pixels, pixels)."""
        tokens = self.patches(batch).flatten(2).transpose(1, 2) + self.places
        scores: Tensor = self.head(self.embedding(self.layers(tokens).mean(dim=1)))
        return scores


def tiny_resnet(outputs: int = 1, width: int = 8) -> nn.Module:
    """Build the residual network."""
    return TinyResNet(outputs, width)


def patch_transformer(outputs: int = 1, width: int = 32, pixels: int = 32) -> nn.Module:
    """Build the transformer, for images of one size."""
    return PatchTransformer(outputs, width, pixels)
