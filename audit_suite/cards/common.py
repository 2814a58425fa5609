"""What both kinds of card share: names, margins, a digest of the content."""

from __future__ import annotations

import hashlib
import json
import math
import os
import unicodedata
from collections.abc import Iterator
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

_LONGEST_NAME, _LONGEST_PATH = 255, 4095  # bytes, on every file system in use


def _once(names: tuple[Any, ...]) -> tuple[Any, ...]:
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} is named twice")
    return names


Once = AfterValidator(_once)
"""A list that names nothing twice."""


class Part(BaseModel):
    """A part of a card: immutable, without unknown keys; its numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MarginEntry(Part):
    """A margin pre-registered for one check, and its source."""

    value: float
    """The limit, on the scale of what the check compares."""
    source: Annotated[str, Field(min_length=1)]
    """Where it comes from: a protocol, a guideline, a person."""


class Card(Part):
    """What both kinds of card share: a name, the file they come from, a digest of the content."""

    schema_version: Literal[1] = Field(alias="schema")
    """The version of the card's keys: 1."""
    name: Name
    """Lower-case letters, digits, ``.``, ``_`` and ``-``; reports call it by this name."""
    description: str = ""
    """What it is, in words."""
    margins: dict[str, MarginEntry] = Field(default_factory=dict)
    """By the id of a check, the limit that counts in place of the check's own; a data set card's
    goes before a model card's."""
    _path: Path = PrivateAttr(default=Path("card.toml"))

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, content: Any) -> Any:
        """Refuse what no key can mean: inf and nan, and characters that no text shows."""
        for key, value in _leaves(content, ""):
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"key '{key}': {value} is not a finite number")
            if isinstance(value, str) and any(map(_is_control, value)):
                raise ValueError(f"key '{key}': {value!r} holds a control character")
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
            AuditError: If the path names an environment variable that is not set, or cannot be a
                path on this machine.
        """
        expanded = os.path.expandvars(path)
        if "$" in expanded:
            raise AuditError(
                f"{self.path}: the path '{path}' uses an environment variable that is not set",
                "set it, for example `export AUDIT_REAL_DATA=/data`, or write the path out",
            )
        try:
            resolved = (self.path.parent / Path(expanded).expanduser()).resolve()
            longest = max((len(os.fsencode(part)) for part in resolved.parts), default=0)
            whole = len(os.fsencode(resolved))
        except (OSError, RuntimeError, ValueError) as error:  # no such user, a circle of links
            raise self._no_path(path, str(error)) from None
        if longest > _LONGEST_NAME or whole > _LONGEST_PATH:
            raise self._no_path(path, f"it has {whole} bytes, and the longest name in it {longest}")
        return resolved

    def _no_path(self, path: str, why: str) -> AuditError:
        return AuditError(
            f"{self.path}: the path '{path[:_LONGEST_NAME]}' cannot be used: {why}",
            "write an existing file, relative to the card",
        )

    def digest(self) -> str:
        """SHA-256 of the card's content; independent of the file's location and layout."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


_Kind = TypeVar("_Kind", bound=Card)


def _leaves(content: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every value of nested tables and lists with its key, and the keys of tables themselves."""
    if isinstance(content, dict):
        for name, value in content.items():
            inner = f"{key}.{name}" if key else str(name)
            yield ascii(inner)[1:-1], name
            yield from _leaves(value, inner)
    elif isinstance(content, list | tuple):
        for position, value in enumerate(content):
            yield from _leaves(value, f"{key}.{position}")
    else:
        yield ascii(key)[1:-1], content


def _is_control(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs")


def canonical_digest(content: Any) -> str:
    """SHA-256 (hex) of JSON-serialisable content, independent of key order and white space."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def with_path(card: _Kind, path: str | Path) -> _Kind:
    """A card that knows the file it was read from."""
    card._path = Path(path).resolve()
    return card
