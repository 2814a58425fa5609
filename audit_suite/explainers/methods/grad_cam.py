"""Grad-CAM: where the feature maps of the last layers that raise an output are active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.explainers.explainer import (
    Explained,
    batch_for,
    raw_outputs,
    register_explainer,
)
from audit_suite.pulse import beat
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class GradCam:
    """Feature maps weighted by their mean gradient, with negative values set to zero.

    Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, ICCV 2017. Maps are coarse, do not show
    what lowers an output, and do not add up to anything.

    Attributes:
        layer: Name of the layer whose maps are used. None takes the last layer whose maps have the
            size of the last convolution's: the convolution itself holds only a part of the maps
            where blocks are concatenated (DenseNet), or added up and normalised.
        batch_size: Images per forward and backward pass; None for as many as half a million pixels
            make.
    """

    layer: str | None = None
    batch_size: int | None = None

    @property
    def name(self) -> str:
        """Its slug."""
        return "grad-cam"

    @property
    def passes(self) -> int:
        """Forward passes per image, about; a backward pass counts as two."""
        return 3

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images; references and seed have no effect.

        Raises:
            NotApplicable: If there is no convolution, or its maps cannot be read.
            AuditError: If there is no layer of the given name.
        """
        import torch

        images = images.detach()
        if isinstance(module, torch.jit.ScriptModule):
            raise NotApplicable("Grad-CAM looks at a layer, which TorchScript does not allow")
        layer = self._layer(module, images[:1])
        parts = torch.split(images, batch_for(images, self.batch_size))
        maps = torch.cat([_maps(module, layer, output, part) for part in parts])
        outputs = raw_outputs(module, output, images, self.batch_size)
        return Explained(maps, outputs, torch.full_like(outputs, torch.nan))

    def _layer(self, module: nn.Module, image: Tensor) -> nn.Module:
        import torch
        from torch import nn

        layers: dict[str, nn.Module] = dict(module.named_modules())
        if self.layer is not None:
            if self.layer not in layers:
                raise AuditError(
                    f"Grad-CAM: the model has no layer '{self.layer}'",
                    f"its last layers are: {', '.join([name for name in layers if name][-8:])}",
                )
            return layers[self.layer]
        seen: list[tuple[nn.Module, torch.Size]] = []

        def note(layer: nn.Module, _inputs: Any, maps: Any) -> None:
            if isinstance(maps, torch.Tensor) and maps.ndim == 4:
                seen.append((layer, maps.shape[2:]))

        handles = [each.register_forward_hook(note) for each in layers.values()]
        try:
            raw_outputs(module, 0, image)
        finally:
            for handle in handles:
                handle.remove()
        sizes = [size for layer, size in seen if isinstance(layer, nn.Conv2d) and size != (1, 1)]
        if not sizes:
            raise NotApplicable("Grad-CAM needs a convolution, and the model shows none")
        return [layer for layer, size in seen if size == sizes[-1]][-1]


def _maps(module: nn.Module, layer: nn.Module, output: int, images: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    kept: list[Any] = []

    def keep(_layer: nn.Module, _inputs: Any, maps: Any) -> Any:
        kept.append(maps)
        return maps.clone() if isinstance(maps, torch.Tensor) else maps  # the next step may write

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            total = module(images.clone().requires_grad_())[:, output].sum()
    finally:
        handle.remove()
    if not kept or not isinstance(kept[-1], torch.Tensor) or kept[-1].ndim != 4:
        raise NotApplicable("Grad-CAM needs a layer that gives maps, and this one gives none")
    if not kept[-1].requires_grad:
        raise NotApplicable("Grad-CAM needs gradients, and the model has none")
    (slope,) = torch.autograd.grad(total, kept[-1], allow_unused=True)
    if slope is None:
        raise NotApplicable("Grad-CAM needs a layer that the output comes from")
    beat(3 * len(images))
    weighted = (slope.mean(dim=(2, 3), keepdim=True) * kept[-1].detach()).sum(dim=1, keepdim=True)
    size = images.shape[2:]
    return functional.interpolate(weighted.relu(), size, mode="bilinear", align_corners=False)[
        :, 0
    ].float()


register_explainer(GradCam())
