"""A part of the record."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

# Control characters but tab and line feed, and the marks that change the direction of text: they
# can rewrite a terminal, forge a line of a CI log or show a text in another order than it has.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What a CI runner would take for a command of its own (`::error::`, `##[group]`) in a log.
_COMMAND = re.compile(r"^([ \t]*:)(?=:)|(#)(?=#\[)", re.MULTILINE)


class RecordPart(BaseModel):
    """A part of the record: no unknown keys, only finite numbers, only printable text."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        return printable(value)


class SparsePart(RecordPart):
    """A part that leaves out some keys while nothing is in them.

    Attributes:
        sparse: Keys that older records lack, so that their digests do not change.
    """

    sparse: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        for key in self.sparse:
            if content.get(key) in (None, "", [], {}):
                content.pop(key, None)
        return content


def printable(value: Any) -> Any:
    """A value whose texts, at any depth of lists and dictionaries, are inert when shown."""
    if isinstance(value, str) and type(value) is str:
        if value.isprintable() and not value.lstrip().startswith((":", "#")):
            return value  # as most texts, for a fifth of the time
        return _COMMAND.sub(lambda command: f"{command[0]} ", _CONTROL.sub("\ufffd", value))
    if isinstance(value, list):
        return [printable(each) for each in value]
    if isinstance(value, dict):
        return {printable(key): printable(each) for key, each in value.items()}
    return value
