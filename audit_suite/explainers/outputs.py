"""The output that is explained: one column, raw or as the log odds of a softmax score."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from audit_suite.verdict import NotApplicable


def explained_outputs(module: nn.Module, activation: str, image: Tensor) -> nn.Module:
    """A network whose columns can be explained one by one.

    Under a sigmoid a logit is the log odds of its score, and is explained as it is. Under softmax
    it is not: adding a constant to all logits changes no score, and lowering another logit raises
    this one's score. There each column becomes the log odds of its score.

    Args:
        module: (B, C, H, W) in; (B, T) out, or (B,).
        activation: The card's: ``sigmoid``, ``softmax`` or ``none``.
        image: Shape (1, C, H, W), to determine the shape of the output.

    Raises:
        NotApplicable: If it is a softmax over one output, which gives all images the same score.
    """
    with torch.no_grad():
        outputs = module(image)
    if outputs.ndim == 1:
        module = _Column(module)
    if activation != "softmax":
        return module
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        raise NotApplicable("a softmax over one output gives every image the same score")
    return _LogOdds(module, outputs.shape[1])


class _Column(nn.Module):
    """A model that returns shape (B,), made to return (B, 1)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """Outputs of shape (B, 1)."""
        outputs: Tensor = self.module(images)
        return outputs[:, None]


class _LogOdds(nn.Module):
    """The log odds of each softmax score: a logit minus the log-sum-exp of the others."""

    def __init__(self, module: nn.Module, outputs: int) -> None:
        super().__init__()
        self.module = module
        self.outputs = outputs
        self.against: Tensor
        self.register_buffer("against", torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Log odds of shape (B, T)."""
        logits: Tensor = self.module(images)
        if self.outputs == 2:  # linear, so that DeepLIFT can follow
            return functional.linear(logits, self.against.to(logits))
        others = [
            torch.cat([logits[:, :k], logits[:, k + 1 :]], dim=1).logsumexp(dim=1)
            for k in range(self.outputs)
        ]
        return logits - torch.stack(others, dim=1)
