"""Occlusion: how far an output falls when a square is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.explainers.explainer import (
    Explained,
    batch_for,
    raw_outputs,
    register_explainer,
)

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Occlusion:
    """A square slides over the image and hides what is below it (Zeiler and Fergus, ECCV 2014).

    A pixel's attribution is the mean fall of the output over the squares that hid it; attributions
    do not add up to anything. A square shows the mean of the references in place of the image.

    Attributes:
        square: Side of the square, as a share of the image's shorter side.
        step: Distance from one square to the next, as a share of the square's side.
        batch_size: Images per forward pass; None for as many as half a million pixels make.
    """

    square: float = 1 / 8
    step: float = 0.5
    batch_size: int | None = None

    @property
    def name(self) -> str:
        """Its slug."""
        return "occlusion"

    @property
    def passes(self) -> int:
        """Forward passes per image, about; a backward pass counts as two."""
        return round((1 / (self.square * self.step)) ** 2)

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images; nothing is drawn, so the seed has no effect."""
        import torch

        images, mean = images.detach(), references.detach().mean(dim=0)
        hidden = self.squares(images.shape[2], images.shape[3]).to(images.device)
        outputs = raw_outputs(module, output, images, self.batch_size)
        covered = hidden.float().sum(dim=0)
        maps = []
        for image, full in zip(images, outputs, strict=True):
            falls = []
            for part in torch.split(hidden, batch_for(images, self.batch_size)):
                batch = torch.where(part[:, None], mean, image)
                falls.append(full - raw_outputs(module, output, batch))
            maps.append(torch.einsum("s,shw->hw", torch.cat(falls), hidden.float()) / covered)
        return Explained(torch.stack(maps), outputs, torch.full_like(outputs, torch.nan))

    def squares(self, height: int, width: int) -> Tensor:
        """The squares of an image, shape (S, H, W), bool: each pixel lies in at least one."""
        import torch

        side = max(1, round(self.square * min(height, width)))
        step = min(side, max(1, round(self.step * side)))
        squares = []
        for top in _starts(height, side, step):
            for left in _starts(width, side, step):
                square = torch.zeros(height, width, dtype=torch.bool)
                square[top : top + side, left : left + side] = True
                squares.append(square)
        return torch.stack(squares)


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where squares begin on a line: the last one ends where the line does."""
    return sorted({*range(0, length - side, step), length - side})


register_explainer(Occlusion())
