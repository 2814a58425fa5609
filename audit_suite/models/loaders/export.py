"""Load a torch.export archive."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.models.archive import unsafe_parts
from audit_suite.models.loader import Loader, card_files, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class ExportLoader(Loader):
    """A program written by ``torch.export.save``; its mode was decided at export."""

    name: str = "export"
    has_modes: bool = False

    def code(self, card: ModelCard) -> str:
        """The program."""
        return f"torch.export program {card_files(card)}"

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse an archive that would run more than operators on tensors.

        Raises:
            AuditError: If it would, or cannot be read.
        """
        try:
            unsafe = unsafe_parts(weights)
        except (OSError, ValueError, RecursionError) as error:
            raise unreadable_archive(card, weights, "torch.export", error) from None
        if unsafe:
            raise AuditError(
                f"{card.path}: key 'weights': {weights} would run code when loaded: it holds "
                f"{'; '.join(unsafe[:3])}",
                "export it again with torch.export.save, without custom objects, from inputs that "
                "are tensors",
            )

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Read the archive; a program for a fixed number of images is given so many.

        Raises:
            AuditError: If it cannot be read, or would run more than operators.
        """
        import torch

        from audit_suite.models.fixed_batch import FixedBatch

        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        try:
            program = torch.export.load(str(weights))
            # Guards are Python source; sizes are checked by a hook without them (torch >= 2.9).
            known = inspect.signature(program.module).parameters
            without = {"check_guards": False} if "check_guards" in known else {}
            module: nn.Module = program.module(**without)
            batch = _fixed_batch(program)
        except Exception as error:
            raise unreadable_archive(card, weights, "torch.export", error) from None
        return module if batch is None else FixedBatch(module, batch)


def _fixed_batch(program: ExportedProgram) -> int | None:
    """The only number of images that a program takes; None if it takes any."""
    images = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == images)
    size = node.meta["val"].shape[0]
    return size if isinstance(size, int) else None


register_loader(ExportLoader())
