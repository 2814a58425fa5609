"""What a model loader is: how a card and its weights become a module."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from audit_suite.errors import AuditError
from audit_suite.registry import LOADERS, registering

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


_MEMBERS = ("name", "needs_architecture", "needs_weights", "has_modes", "load")


def whole_code(loader: Loader, card: ModelCard) -> str:
    """The words for a loader that may run anything: its name, the factory and the files."""
    return " ".join(filter(None, [loader.name, card.architecture, card_files(card)]))


def card_files(card: ModelCard) -> str:
    """The names of a card's weights files, without their folders."""
    names = card.folds if card.weights is None else (card.weights,)
    return ", ".join(Path(name).name for name in names)


@runtime_checkable
class Loader(Protocol):
    """A way to load models; a small frozen dataclass, registered by `register_loader`.

    A loader that inherits from this class needs only ``name`` and ``load``. Its module is imported
    whenever a model card is read, so import torch inside `load`. One that does not inherit may
    leave out `has_states`, `takes`, `code`, `beside` and `inspect`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What a card writes under ``loader``."""
        ...

    @property
    def needs_architecture(self) -> bool:
        """Whether a card must have the key ``architecture``."""
        return False

    @property
    def needs_weights(self) -> bool:
        """Whether a card must have ``weights`` or ``folds``."""
        return True

    @property
    def has_states(self) -> bool:
        """Whether it reads checkpoints, in which a card's key ``state`` can choose."""
        return False

    @property
    def takes(self) -> tuple[str, ...]:
        """What ``weights`` and ``folds`` may name: ``file``, ``folder``; all of a folder counts."""
        return ("file",)

    @property
    def has_modes(self) -> bool:
        """Whether the module must be put into evaluation mode after loading."""
        return True

    def code(self, card: ModelCard) -> str:
        """What loading a card runs besides this loader, in words; empty if it runs nothing.

        An audit runs code only if the card says ``trusted = true``, and the report names it. A
        loader that reads plain numbers into a network of its own returns an empty text.
        """
        return whole_code(self, card)

    def beside(self, weights: Path) -> Sequence[Path]:
        """Other files that decide what a weights file computes, such as one with its tensors."""
        return ()

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Look into a weights file before anything is computed, without running anything of it.

        Args:
            card: The model's card.
            weights: The weights file or folder of the model or of one fold; it exists.

        Raises:
            AuditError: If the file cannot be loaded or would run what it must not.
        """
        return

    @abstractmethod
    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Load a model onto the CPU.

        Args:
            card: The model's card.
            weights: The weights file or folder of the model or of one fold; it exists. None if the
                card names none.

        Returns:
            A module from (B, C, H, W), normalised as the card says, to raw outputs of shape (B, K),
            before the card's activation, or to a tuple, table or object that holds them. If the
            model's files name its outputs, leave the names in its attribute ``output_labels``.

        Raises:
            AuditError: If the card or the file is wrong; names the card, the key and the file.
        """
        ...


AnyLoader = TypeVar("AnyLoader", bound=Loader)


def register_loader(loader: AnyLoader) -> AnyLoader:
    """Make a loader known to model cards by its name.

    Raises:
        AuditError: If it is not a loader, or its name is taken.
    """
    if isinstance(loader, type) or not all(hasattr(loader, member) for member in _MEMBERS):
        raise AuditError(
            f"{registering()} registers {loader!r}, which is not a model loader",
            "register an object with name, needs_architecture, needs_weights, has_modes and load",
        )
    LOADERS.register(loader.name, loader)
    return loader
