"""Load a TorchScript archive."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.models.loader import Loader, card_files, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class TorchScriptLoader(Loader):
    """A program written by ``torch.jit.save``."""

    name: str = "torchscript"

    def code(self, card: ModelCard) -> str:
        """The program."""
        return f"TorchScript program {card_files(card)}"

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse what is no archive.

        Raises:
            AuditError: If it is none.
        """
        if not zipfile.is_zipfile(weights):
            raise unreadable_archive(card, weights, "TorchScript", ValueError("it is no zip file"))

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Read the archive.

        Raises:
            AuditError: If it cannot be read.
        """
        import torch

        assert weights is not None, "the card's validation guarantees it"
        try:
            script: nn.Module = torch.jit.load(str(weights), map_location="cpu")  # type: ignore[no-untyped-call]
        except Exception as error:
            raise unreadable_archive(card, weights, "TorchScript", error) from None
        return script


register_loader(TorchScriptLoader())
