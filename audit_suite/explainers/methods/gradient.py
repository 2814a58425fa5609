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
        maps = torch.zeros(len(images), *images.shape[2:], device=images.device)
        row = torch.arange(len(images), device=images.device).repeat_interleave(len(t))
        draw = torch.arange(len(t), device=images.device).repeat(len(images))
        size = batch_for(images, self.batch_size)
        batches = (torch.split(each, size) for each in (row, draw))
        for rows, draws in zip(*batches, strict=True):
            start = references[whose[draws]]
            change = images[rows] - start
            slope = gradient(module, output, start + t[draws, None, None, None] * change)
            beat(3 * len(slope))
            maps.index_add_(0, rows, (slope * change).sum(dim=1).float())
        outputs = raw_outputs(module, output, images, self.batch_size)
        others = raw_outputs(module, output, references, self.batch_size)
        return Explained(maps / len(t), outputs, others.mean().expand(len(images)))

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
