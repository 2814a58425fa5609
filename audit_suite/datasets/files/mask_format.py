"""What a mask format is: how the keys of a region and an image become a mask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from audit_suite.cards.regions import RegionSpec
from audit_suite.datasets.files.entry import Entry, RegionSource
from audit_suite.errors import AuditError
from audit_suite.registry import MASK_FORMATS, registering

if TYPE_CHECKING:
    from audit_suite.cards import DatasetCard

Find = Callable[[Entry], RegionSource | str]
"""From an image to where its mask comes from, or to why it has none (with its row). A ValueError
says that the mask cannot be told, whatever the card does with images that have none."""


@runtime_checkable
class MaskFormat(Protocol):
    """A way to keep masks; a small frozen dataclass, registered by `register_mask_format`.

    Its module is imported whenever a data set card with regions is read, so import heavy libraries
    inside `open` or where masks are decoded.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What a region writes under ``format``."""
        ...

    @property
    @abstractmethod
    def keys(self) -> type[RegionSpec]:
        """The keys of such a region: a subclass of `RegionSpec`, or of `MaskSpec`."""
        ...

    @abstractmethod
    def open(self, card: DatasetCard, region: str, spec: Any) -> Find:
        """Read what all images share, such as a table.

        Args:
            card: The data set's card.
            region: The region's name, for messages: its keys are ``regions.NAME``.
            spec: Its keys.

        Returns:
            What finds the mask of an image.

        Raises:
            AuditError: If a file that all images share is missing or wrong; names it and the key.
        """
        ...


AnyFormat = TypeVar("AnyFormat", bound=MaskFormat)


def register_mask_format(format: AnyFormat) -> AnyFormat:
    """Make a mask format known to data set cards by its name.

    Returns:
        The format.

    Raises:
        AuditError: If it is not a mask format, or its name is taken; names who registers it.
    """
    keys = getattr(format, "keys", None)
    if (
        isinstance(format, type)
        or not isinstance(getattr(format, "name", None), str)
        or not (isinstance(keys, type) and issubclass(keys, RegionSpec))
        or not callable(getattr(format, "open", None))
    ):
        raise AuditError(
            f"{registering()} registers {format!r}, which is not a mask format",
            "register an object with name, keys (a subclass of RegionSpec) and open",
        )
    MASK_FORMATS.register(format.name, format)
    return format
