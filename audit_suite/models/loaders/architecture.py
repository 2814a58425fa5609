"""Load a state dict into the network that a factory returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.models.checkpoints import fit_checkpoint
from audit_suite.models.factory import call_factory, factory_code
from audit_suite.models.loader import Loader, register_loader
from audit_suite.models.weights import inspect_state, read_tensors

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class ArchitectureLoader(Loader):
    """A state dict, in the network of ``torchvision:NAME`` or ``package.module:function``."""

    name: str = "architecture"
    has_states: bool = True
    needs_architecture: bool = True

    def code(self, card: ModelCard) -> str:
        """The factory, unless it ships with torchvision or audit-suite."""
        code = factory_code(card)
        return f"function {code}" if code else ""

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse a file that holds more than tensors.

        Raises:
            AuditError: If it does, or cannot be read.
        """
        inspect_state(card, weights)

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Call the factory and fill in its parameters.

        Raises:
            AuditError: If the factory fails, or the file cannot be read or does not fit.
        """
        assert weights is not None, "the card's validation guarantees it"
        module = call_factory(card)
        fit_checkpoint(card, module, weights, read_tensors(card, weights))
        return module


register_loader(ArchitectureLoader())
