"""Hidden pixels become those of another patient's image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill
from audit_suite.maskings.fills.inpaint import inpaint

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Swap(Fill):
    """Another patient's image, with its own region inpainted.

    After the "mixed-rand" images of Xiao et al. 2021.
    """

    name = "swap"
    needs_donor = True

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The donors' images, their own region inpainted."""
        images, regions = around.lent()
        return inpaint(images, regions, around.mean)


register_fill(Swap())
