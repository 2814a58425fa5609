"""What both kinds of card share: names, margins, a digest of the content."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from audit_suite.errors import AuditError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """A part of a card: immutable, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MarginEntry(Part):
    """A margin pre-registered for one check, and its source."""

    value: float
    source: str


class Card(Part):
    """What both kinds of card share: a name, the file they come from, a digest of the content."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    description: str = ""
    margins: dict[str, MarginEntry] = Field(default_factory=dict)
    _path: Path = PrivateAttr(default=Path("card.toml"))

    @property
    def path(self) -> Path:
        """The file this card was read from."""
        return self._path

    def __hash__(self) -> int:
        return hash((self.name, self._path))

    def resolve(self, path: str) -> Path:
        """Make a path of the card absolute: variables expanded, relative to the card's folder.

        Raises:
            AuditError: If the path names an environment variable that is not set.
        """
        expanded = os.path.expandvars(path)
        if "$" in expanded:
            raise AuditError(
                f"{self.path}: the path '{path}' uses an environment variable that is not set",
                "set it, for example `export AUDIT_REAL_DATA=/data`, or write the path out",
            )
        return (self.path.parent / Path(expanded).expanduser()).resolve()

    def digest(self) -> str:
        """SHA-256 of the card's content; independent of the file's location and layout."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


_Kind = TypeVar("_Kind", bound=Card)


def canonical_digest(content: Any) -> str:
    """SHA-256 (hex) of JSON-serialisable content, independent of key order and white space."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def with_path(card: _Kind, path: str | Path) -> _Kind:
    """A card that knows the file it was read from."""
    card._path = Path(path).resolve()
    return card
