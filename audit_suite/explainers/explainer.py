"""What an explainer is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

_PIXELS = 1 << 19


@dataclass(frozen=True)
class Explained:
    """Signed attributions of one output for a batch of images.

    Attributes:
        maps: Shape (N, H, W), float32: attribution of each pixel, summed over channels, in units
            of the output explained (the model's raw output, before any activation).
        outputs: Shape (N,), f(x).
        expected: Shape (N,), what the attributions of an image should add up from: E f over the
            references. NaN for methods whose attributions do not add up to f(x) - E f.
    """

    maps: Tensor
    outputs: Tensor
    expected: Tensor


class Explainer(Protocol):
    """A method that says which pixels an output came from.

    Implementations are small frozen dataclasses of their settings, so that a digest of them tells
    two apart.
    """

    @property
    def name(self) -> str:
        """Stable ASCII slug, for example ``gradient``."""
        ...

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images.

        Args:
            module: The model in evaluation mode; (B, C, H, W) in, (B, T) out. It is left as it was.
            output: Which of the T outputs.
            images: Shape (N, C, H, W), as the model takes them (normalised).
            references: Shape (R, C, H, W), likewise: what "absent" looks like; never the images
                explained.
            seed: Decides every random draw.

        Raises:
            NotApplicable: If the method cannot handle this model; the message says why.
        """
        ...


def batch_for(images: Tensor, given: int | None) -> int:
    """Images of one pass: as given, else as many as half a million pixels make, 128 at most."""
    fitting = _PIXELS // (images.shape[2] * images.shape[3])
    return given or max(1, min(128, fitting))


def raw_outputs(
    module: nn.Module, output: int, images: Tensor, batch_size: int | None = None
) -> Tensor:
    """One output of a module for some images, shape (N,), in batches and without gradients."""
    with torch.no_grad():
        parts = [
            module(part)[:, output] for part in torch.split(images, batch_for(images, batch_size))
        ]
    return torch.cat(parts).float()
