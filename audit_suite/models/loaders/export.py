"""Load a torch.export archive."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.models.archive import unsafe_parts
from audit_suite.models.loader import card_files, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class ExportLoader:
    """A program written by ``torch.export.save``; its mode was decided at export."""

    name: str = "export"
    needs_architecture: bool = False
    needs_weights: bool = True
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
        """Read the archive; a program for batches of one runs image by image.

        Raises:
            AuditError: If it cannot be read, would run more than operators, or takes batches of
                one other size only.
        """
        import torch

        from audit_suite.models.one_by_one import OneByOne

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
        if batch not in (None, 1):
            raise AuditError(
                f"{card.path}: key 'weights': the program {weights} takes batches of {batch} only",
                "export it with dynamic_shapes=({0: torch.export.Dim('batch')},)",
            )
        return module if batch is None else OneByOne(module)


def _fixed_batch(program: ExportedProgram) -> int | None:
    """The only number of images that a program takes; None if it takes any."""
    images = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == images)
    size = node.meta["val"].shape[0]
    return size if isinstance(size, int) else None


register_loader(ExportLoader())
