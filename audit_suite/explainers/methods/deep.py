"""DeepLIFT through a rewritten network: attributions that add up, by one backward pass."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audit_suite.explainers.explainer import Explained, raw_outputs, register_explainer
from audit_suite.pulse import beat
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor, fx, nn

_ADDS_UP = 0.01
"""How far attributions may be from adding up, as a share of the mean |f(x) - f(reference)|."""


_TOGETHER = 8  # images between two signs of life


@dataclass(frozen=True)
class DeepLift:
    """DeepLIFT's rescale rule, averaged over references (DeepSHAP).

    Lundberg and Lee, NeurIPS 2017, by `shap.DeepExplainer` on a network that is rewritten first.
    """

    @property
    def name(self) -> str:
        """Its slug."""
        return "deep"

    @property
    def passes(self) -> int:
        """Forward passes per image, about; a backward pass counts as two."""
        return 35

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images; nothing is drawn, so the seed has no effect.

        Raises:
            NotApplicable: If the network cannot be traced, or attributions do not add up.
        """
        import torch

        from audit_suite.explainers.rewriting import rewrite

        images, references = images.detach(), references.detach()
        rewritten = rewrite(module, output)
        outputs = raw_outputs(module, output, images)
        baseline = raw_outputs(module, output, references)
        spread = (outputs[:, None] - baseline).abs().mean(dim=1)
        same = raw_outputs(rewritten, 0, images)
        if not torch.allclose(same, outputs, rtol=1e-4, atol=_ADDS_UP * float(spread.max())):
            raise NotApplicable(
                "DeepLIFT rewrites a network, and this one gives other outputs when rewritten: "
                "its forward pass does more than a trace shows"
            )
        values, unknown = _attribute(rewritten, images, references)
        maps = torch.from_numpy(values.sum(axis=1))
        gap = (maps.sum(dim=(1, 2)) - (outputs - baseline.mean()).cpu()).abs()
        if not bool((gap <= _ADDS_UP * spread.cpu()).all()):
            share = float((gap / spread.cpu()).max())
            raise NotApplicable(
                f"DeepLIFT's attributions do not add up (off by {share:.0%} of the model's answer)"
                + (f": it has no rule for {', '.join(unknown)}" if unknown else "")
            )
        expected = baseline.mean().expand(len(images))
        return Explained(maps.float().to(images.device), outputs, expected)


def _attribute(
    network: fx.GraphModule, images: Tensor, references: Tensor
) -> tuple[NDArray[np.float64], list[str]]:
    """Attributions, shape (N, C, H, W), and the kinds of layers for which shap has no rule."""
    import torch
    from shap import DeepExplainer

    from audit_suite.out_of_memory import of_the_machine

    with warnings.catch_warnings(record=True) as caught, torch.enable_grad():
        warnings.simplefilter("always")
        try:
            explainer = DeepExplainer(network, references)
            parts = []
            for part in torch.split(images, _TOGETHER):  # shap takes them one by one in any case
                parts.append(explainer.shap_values(part, check_additivity=False))
                beat(2 * len(references) * len(part))
        except RuntimeError as error:
            if of_the_machine(error):
                raise
            raise NotApplicable(
                f"DeepLIFT cannot go back through this network: {str(error).partition(chr(10))[0]}"
            ) from None
    kinds = (str(warning.message).partition("unrecognized nn.Module: ") for warning in caught)
    return np.concatenate(parts)[..., 0], sorted({kind for _, _, kind in kinds if kind})


register_explainer(DeepLift())
