"""Hidden pixels become noise like the ring around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Generator, Tensor

_RING_SHARE = 0.08  # width of the ring whose noise is imitated, share of the longer side


@dataclass(frozen=True)
class Noise(Fill):
    """Gaussian noise with the mean and spread of the visible ring around the hidden area."""

    name = "noise"
    random = True

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """Noise from one seed per image; the data set's mean if there is no ring."""
        import torch
        from torch.nn import functional

        from audit_suite.maskings.draws import drawn

        width = max(1, round(_RING_SHARE * max(visible.shape[2:])))
        near = hidden.to(visible.dtype)  # the largest of a square is that of its rows' largest
        near = functional.max_pool2d(near, (2 * width + 1, 1), 1, (width, 0))
        near = functional.max_pool2d(near, (1, 2 * width + 1), 1, (0, width)) > 0
        ring = near & ~hidden
        count = ring.sum(dim=(2, 3), keepdim=True)
        total = torch.where(ring, visible, 0).sum(dim=(2, 3), keepdim=True)
        mean = around.mean.to(visible)[None, :, None, None]
        centre = torch.where(count > 0, total / count.clamp(min=1), mean)
        squares = torch.where(ring, (visible - centre) ** 2, 0).sum(dim=(2, 3), keepdim=True)
        spread = (squares / count.clamp(min=1)).sqrt()
        noise = drawn(_normal, around.seeds, visible.shape[1:], torch.float32, visible)
        return (centre + spread * noise.to(visible.dtype)).clamp(0, 1)


def _normal(numbers: Tensor, generator: Generator) -> Tensor:
    return numbers.normal_(generator=generator)


register_fill(Noise())
