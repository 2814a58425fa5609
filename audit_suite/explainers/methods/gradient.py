"""Expected gradients: gradients along straight lines from references to an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audit_suite.explainers.explainer import (
    Explained,
    batch_for,
    raw_outputs,
    register_explainer,
)
from audit_suite.pulse import beat
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ExpectedGradients:
    """Expected gradients, the estimator of `shap.GradientExplainer`, many images in a batch.

    Erion, Janizek, Sturmfels, Lundberg and Lee, Nature Machine Intelligence 3, 2021: the mean, over
    references r and t from 0 to 1, of (x - r) times the gradient at r + t (x - r).

    Attributes:
        samples: Gradients per image.
        stratified: Use every reference equally often, with t evenly spread for each: the same mean
            from fewer samples. False draws both independently, as shap does; with the same seed
            they are shap's draws for a single image.
        batch_size: Images per forward and backward pass; None for as many as half a million pixels
            make.
    """

    samples: int = 200
    stratified: bool = True
    batch_size: int | None = None

    @property
    def name(self) -> str:
        """Its slug."""
        return "gradient"

    @property
    def passes(self) -> int:
        """Forward passes per image, about; a backward pass counts as two."""
        return 3 * self.samples

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images.

        All images get the same draws, so that an image's map does not depend on which others are
        explained with it.

        Raises:
            NotApplicable: If no gradient of the model reaches the image.
        """
        import torch

        images, references = images.detach(), references.detach()
        chosen, way = self.draws(len(references), seed)
        whose = torch.from_numpy(chosen).to(images.device)
        t = torch.from_numpy(way).to(images)
        maps = torch.cat(
            [
                self._maps(module, output, some, references[whose], t[:, None, None, None])
                for some in torch.split(images, max(1, self._together(images) // len(t)))
            ]
        )
        outputs = raw_outputs(module, output, images, self.batch_size)
        others = raw_outputs(module, output, references, self.batch_size)
        return Explained(maps / len(t), outputs, others.mean().expand(len(images)))

    def _maps(
        self, module: nn.Module, output: int, images: Tensor, starts: Tensor, t: Tensor
    ) -> Tensor:
        """Maps of a few images, as sums over draws: shape (n, H, W).

        Each sum is over one axis of a tensor, in the same order in every run; adding by index is
        not, on CUDA.
        """
        import torch

        size = max(1, self._together(images) // len(images))
        sums = []
        for start, way in zip(_evenly(starts, size), _evenly(t, size), strict=True):
            change = images[:, None] - start
            at = (start + way * change).flatten(0, 1)
            slope = gradient(module, output, at).view_as(change)
            beat(3 * len(at))
            sums.append((slope * change).sum(dim=2).float().sum(dim=1))
        return torch.stack(sums).sum(dim=0)

    def _together(self, images: Tensor) -> int:
        return batch_for(images, self.batch_size)

    def draws(self, references: int, seed: int) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
        """Which reference each sample starts from, and how far along the line it is, 0 to 1.

        Args:
            references: How many there are.
            seed: Decides the draws.
        """
        random = np.random.RandomState(seed % 2**32)  # shap draws from it, and numpy keeps it as is
        if not self.stratified:
            pairs = [(random.choice(references), random.uniform()) for _ in range(self.samples)]
            return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
        each = max(1, round(self.samples / references))
        order = random.permutation(references)[: max(1, self.samples)]
        way = (np.arange(each) + random.uniform(size=(len(order), each))) / each
        return np.repeat(order, each), way.ravel()


def _evenly(draws: Tensor, size: int) -> tuple[Tensor, ...]:
    """Draws in parts of at most so many, as even as they can be."""
    import torch

    return torch.tensor_split(draws, -(-len(draws) // size))


def gradient(module: nn.Module, output: int, images: Tensor) -> Tensor:
    """Gradient of one output at some images, in their shape.

    Raises:
        NotApplicable: If the model cannot be differentiated.
    """
    import torch

    with torch.enable_grad():
        at = images.detach().requires_grad_()
        total = module(at)[:, output].sum()
        if not total.requires_grad:
            raise NotApplicable("no gradient of the model's output reaches the image")
        (slope,) = torch.autograd.grad(total, at, allow_unused=True)
    if slope is None:
        raise NotApplicable("no gradient of the model's output reaches the image")
    return slope


register_explainer(ExpectedGradients())
