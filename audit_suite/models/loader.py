"""What a model loader is: how a card and its weights become a module."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from audit_suite.errors import AuditError
from audit_suite.registry import LOADERS, registering

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@runtime_checkable
class Loader(Protocol):
    """A way to load models; a small frozen dataclass, registered by `register_loader`.

    A loader that inherits from this class needs only ``name`` and ``load``. Its module is imported
    whenever a model card is read, so import torch inside `load`.
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
    def has_modes(self) -> bool:
        """Whether the module must be put into evaluation mode after loading."""
        return True

    @abstractmethod
    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Load a model onto the CPU.

        Args:
            card: The model's card.
            weights: The weights file of the model or of one fold; it exists. None if the card
                names none.

        Returns:
            A module from (B, C, H, W), normalised as the card says, to raw outputs of shape (B, T),
            before the card's activation.

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
    if isinstance(loader, type) or not isinstance(loader, Loader):
        raise AuditError(
            f"{registering()} registers {loader!r}, which is not a model loader",
            "register an object with name, needs_architecture, needs_weights, has_modes and load",
        )
    LOADERS.register(loader.name, loader)
    return loader
