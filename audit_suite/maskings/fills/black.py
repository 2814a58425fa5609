"""Hidden pixels become black, as in Sourget et al. 2024."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Fill, Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Black(Fill):
    """0 in every channel."""

    name = "black"

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The visible pixels as they are: the others are 0 in them."""
        return visible


register_fill(Black())
