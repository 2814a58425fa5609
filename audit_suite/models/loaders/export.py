"""Load a torch.export archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.models.loader import register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class ExportLoader:
    """A program written by ``torch.export.save``; its mode was decided at export."""

    name: str = "export"
    needs_architecture: bool = False
    needs_weights: bool = True
    has_modes: bool = False

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Read the archive.

        Raises:
            AuditError: If it cannot be read.
        """
        import torch

        assert weights is not None, "the card's validation guarantees it"
        try:
            program: nn.Module = torch.export.load(str(weights)).module()
        except Exception as error:
            raise unreadable_archive(card, weights, "torch.export", error) from None
        return program


register_loader(ExportLoader())
