"""What a reader of data sets is: how a card's files become images, labels and regions."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from audit_suite.errors import AuditError
from audit_suite.registry import READERS, registering

if TYPE_CHECKING:
    from audit_suite.cards import DatasetCard
    from audit_suite.datasets.dataset import Dataset

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@runtime_checkable
class Reader(Protocol):
    """A way to read data sets; a small frozen dataclass, registered by `register_reader`.

    A reader that inherits from this class needs only ``name`` and ``read``. Its module is imported
    whenever a data set card is read, so import heavy libraries inside `read`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What a card writes under ``reader``: lower-case letters, digits, ``.``, ``_``, ``-``."""
        ...

    @property
    def needed_files(self) -> Collection[str]:
        """Keys that a card must have under ``files``."""
        return ()

    @property
    def optional_files(self) -> Collection[str]:
        """Keys that a card may have under ``files`` as well."""
        return ()

    @property
    def selects_rows(self) -> bool:
        """Whether `read` applies the card's ``filter`` and ``holdout``.

        If it does not, both are applied to the cases that it returns.
        """
        return False

    def check(self, card: DatasetCard) -> None:
        """Refuse a card that lacks what this reader needs, apart from ``files``.

        Unless overridden, refuse keys that say how a table of the user's own is written: they would
        not count.

        Raises:
            ValueError: If a key is missing or wrong; names the key.
        """
        if keys := card.table_keys:
            raise ValueError(
                f"'{keys[0]}' says how a table is written; reader '{self.name}' knows, so drop it"
            )

    def regions(self, card: DatasetCard) -> Collection[str]:
        """The regions that images may have: unless overridden, those that targets name as ROI."""
        return card.as_drawn(card.roi_regions)

    def region_advice(self, card: DatasetCard) -> str:
        """What to say to a user whose data set lacks a region: how to add one, or which exist."""
        return f"reader '{self.name}' gives: {', '.join(sorted(self.regions(card))) or 'none'}"

    @abstractmethod
    def read(self, card: DatasetCard) -> Dataset:
        """Read and check a data set; images are decoded when asked for, one by one.

        Raises:
            AuditError: If a file is missing or wrong; names the file and the row, never a patient.
        """
        ...


AnyReader = TypeVar("AnyReader", bound=Reader)


def register_reader(reader: AnyReader) -> AnyReader:
    """Make a reader known to data set cards by its name.

    Returns:
        The reader.

    Raises:
        AuditError: If it is not a reader, or its name is taken; names who registers it.
    """
    if fault := _fault(reader):
        raise AuditError(
            f"{registering()} registers {reader!r} as a data set reader, but {fault}",
            "register an object that inherits from Reader and has a name and read(card)",
        )
    READERS.register(reader.name, reader)
    return reader


def reader_of(card: DatasetCard) -> Reader:
    """The reader that a card names.

    Raises:
        AuditError: If it is not registered any more; lists those known.
    """
    reader: Reader = READERS.find(card.reader, f"{card.path}: key 'reader'")
    return reader


def are_names(value: Any) -> bool:
    """Whether a value is a collection of strings, and not one string."""
    return (
        isinstance(value, Collection)
        and not isinstance(value, str | bytes)
        and all(isinstance(name, str) for name in value)
    )


def _fault(reader: Any) -> str:
    """What is wrong with an object that is to be a reader; empty if nothing is."""
    if isinstance(reader, type):
        return "it is a class: register an object of it"
    members = [name for name in vars(Reader) if not name.startswith("_")]
    if missing := sorted(name for name in members if not hasattr(reader, name)):
        return f"it has no {', '.join(missing)}"
    if not isinstance(reader.name, str) or not _NAME.fullmatch(reader.name):
        return "its name is not a word of lower-case letters, digits, '.', '_' and '-'"
    for key in ("needed_files", "optional_files"):
        if not are_names(getattr(reader, key)):
            return f"its {key} is not a collection of names"
    for method in ("check", "regions", "region_advice", "read"):
        if not callable(getattr(reader, method)):
            return f"its {method} cannot be called"
    return ""
