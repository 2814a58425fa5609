"""Load a model by calling a function that returns it, weights included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.models.factory import call_factory
from audit_suite.models.loader import Loader, register_loader, whole_code

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class CallableLoader(Loader):
    """A function that returns the whole model.

    If the card names a weights file, its path is passed as the argument ``weights``.
    """

    name: str = "callable"
    needs_architecture: bool = True
    needs_weights: bool = False
    takes: tuple[str, ...] = ("file", "folder")

    def code(self, card: ModelCard) -> str:
        """The function, and the file that it is given."""
        return whole_code(self, card)

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Accept any file: only the function knows its format."""

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Call the function.

        Raises:
            AuditError: If it is missing, raises or does not return a module.
        """
        return call_factory(card) if weights is None else call_factory(card, weights=str(weights))


register_loader(CallableLoader())
