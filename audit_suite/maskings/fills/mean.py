"""Hidden pixels become the data set's mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Mean(Fill):
    """The mean intensity of the data set, channel by channel."""

    name = "mean"
    needs_mean = True

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The mean everywhere."""
        return around.mean.to(visible)[None, :, None, None].expand_as(visible)


register_fill(Mean())
