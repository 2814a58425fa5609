"""A plain function from an array of images to their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.models.factory import find_factory
from audit_suite.models.loader import register_loader
from audit_suite.models.loaders.callable import CallableLoader

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class FunctionLoader(CallableLoader):
    """A function ``f(images) -> outputs``, named by ``architecture``.

    It is given a NumPy array of shape (B, C, H, W), float32, normalised as the card says, and any
    number of images. It returns one row per image, shape (B, K) or (B,): a NumPy array, a tensor,
    or lists of numbers. The card's ``arguments`` are passed by name, and so is the path of
    ``weights``, if the card names a file.
    """

    name: str = "function"

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Import the function; it is called when images are scored.

        Raises:
            AuditError: If it is missing or cannot be imported.
        """
        from audit_suite.models.arrays import PlainFunction

        given = {} if weights is None else {"weights": str(weights)}
        return PlainFunction(partial(find_factory(card), **card.arguments, **given))


register_loader(FunctionLoader())
