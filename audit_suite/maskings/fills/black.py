"""Hidden pixels become black, as in Sourget et al. 2024."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.maskings.fill import Surroundings, register_fill

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Black:
    """0 in every channel."""

    name: str = "black"
    words: str = "black fill"
    random: bool = False
    needs_donor: bool = False
    needs_mean: bool = False

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """The visible pixels as they are: the others are 0 in them."""
        return visible


register_fill(Black())
