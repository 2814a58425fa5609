"""What both kinds of card share: names, margins, a digest of the content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from audit_suite.errors import AuditError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _once(names: tuple[Any, ...]) -> tuple[Any, ...]:
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"names {twice} twice")
    return names


Once = AfterValidator(_once)
"""A list that names nothing twice."""


class Part(BaseModel):
    """A part of a card: immutable, without unknown keys; its numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MarginEntry(Part):
    """A margin pre-registered for one check, and its source."""

    value: float
    source: Annotated[str, Field(min_length=1)]


class Card(Part):
    """What both kinds of card share: a name, the file they come from, a digest of the content."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    description: str = ""
    margins: dict[str, MarginEntry] = Field(default_factory=dict)
    _path: Path = PrivateAttr(default=Path("card.toml"))

    @model_validator(mode="before")
    @classmethod
    def _printable(cls, content: Any) -> Any:
        """Refuse control characters: no path has them, and a terminal would obey them."""
        if key := _unprintable(content):
            raise ValueError(f"key '{key}' holds a control character: write it out, or remove it")
        return content

    @property
    def path(self) -> Path:
        """The file this card was read from."""
        return self._path

    def __hash__(self) -> int:
        return hash((self.name, self._path))

    def resolve(self, path: str) -> Path:
        """Make a path of the card absolute: variables expanded, relative to the card's folder.

        Raises:
            AuditError: If the path names an environment variable that is not set, or cannot be one.
        """
        expanded = os.path.expandvars(path)
        if "$" in expanded:
            raise AuditError(
                f"{self.path}: the path '{path}' uses an environment variable that is not set",
                "set it, for example `export AUDIT_REAL_DATA=/data`, or write the path out",
            )
        try:
            return (self.path.parent / Path(expanded).expanduser()).resolve()
        except (RuntimeError, OSError, ValueError) as error:  # no such user, a loop of links, NUL
            raise AuditError(
                f"{self.path}: '{path}' cannot be a path ({type(error).__name__})", "correct it"
            ) from None

    def digest(self) -> str:
        """SHA-256 of the card's content; independent of the file's location and layout."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


_Kind = TypeVar("_Kind", bound=Card)


def canonical_digest(content: Any) -> str:
    """SHA-256 (hex) of JSON-serialisable content, independent of key order and white space."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _unprintable(content: Any, key: str = "") -> str:
    """The key of the first text with a control character; empty if there is none."""
    if isinstance(content, str):
        return key if _CONTROL.search(content) else ""
    parts: Any = ()
    if isinstance(content, dict):
        parts = content.items()
        if any(_unprintable(str(name), "name") for name in content):
            return f"{key}.?".lstrip(".")
    elif isinstance(content, list):
        parts = enumerate(content)
    dot = f"{key}." if key else ""
    return next(filter(None, (_unprintable(part, f"{dot}{name}") for name, part in parts)), "")


def with_path(card: _Kind, path: str | Path) -> _Kind:
    """A card that knows the file it was read from."""
    card._path = Path(path).resolve()
    return card
