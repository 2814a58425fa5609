"""One class of a data set card: its label column, what the cells mean, and its regions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from audit_suite.cards.common import Once, Part
from audit_suite.cards.names import RegionName

_LABEL_KEYS = (
    "values",
    "contains",
    "separator",
    "equals",
    "missing",
    "uncertain",
    "uncertain_values",
)


def _as_text(value: Any) -> Any:
    """Numbers as the text of a cell: a class may be called 3."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


Word = Annotated[str, BeforeValidator(_as_text)]


def plain(text: str) -> str:
    """A cell or a word of the card as it is compared: without outer and double blanks, 3.0 as 3."""
    words = " ".join(text.split())
    whole, _, rest = words.partition(".")
    number = whole.removeprefix("-")
    return whole if number.isdecimal() and rest and not rest.strip("0") else words


class Target(Part):
    """One class: its label column, what the cells mean, and where a reader would look for it.

    Without ``values``, ``contains`` or ``equals`` the column holds 0 and 1, or True and False. A
    blank or uncertain cell is an error unless ``missing`` or ``uncertain`` says what it means;
    ``exclude`` leaves the image out for this target alone.
    """

    column: str | None = None
    """The column of its labels; readers of public data sets take it for the name of a class."""
    values: Annotated[dict[str, Literal[0, 1]], Field(min_length=1)] | None = None
    """What each word of the column means, 1 or 0, in any case unless words differ by case alone."""
    contains: Word | None = None
    """The label is 1 where the cell holds this word or phrase, or lists it (``separator``)."""
    separator: Annotated[str, Field(min_length=1)] | None = None
    """What separates the labels that one cell lists; one of them must then equal ``contains``."""
    equals: Word | None = None
    """The label is 1 where the cell is this class and 0 where it is another."""
    missing: Literal["error", "exclude", "negative"] = "error"
    """What a blank cell means, or one of NA, null and the like."""
    uncertain: Literal["error", "exclude", "positive", "negative"] = "error"
    """What an uncertain label means: -1, as CheXpert writes it, or one of ``uncertain_values``."""
    uncertain_values: Annotated[tuple[Word, ...], Once] = ()
    """Further words of the column for an uncertain label."""
    roi: Annotated[tuple[RegionName, ...], Once] = ()
    """The regions where a reader would look for it; together they are its region of interest."""
    roi_margin: Annotated[int, Field(ge=0)] | None = None
    """How far disease may extend beyond the drawn ROI, in pixels of a 512-pixel frame (C12)."""
    finding: RegionName | None = None
    """The region that outlines the finding itself, in images that have it: what it takes away or
    puts in must move a score (X1-finding). It is never hidden, and no ROI."""
    sided: bool = False
    """Whether the label depends on the side, as of a left-sided effusion: a mirrored image then has
    another label, and X1 does not exchange left and right."""
    description: str = ""
    """What the finding is, in words."""

    @property
    def said(self) -> tuple[str, ...]:
        """The keys that say what cells mean, as far as the card uses them."""
        fields = type(self).model_fields
        return tuple(key for key in _LABEL_KEYS if getattr(self, key) != fields[key].default)

    @model_validator(mode="after")
    def _consistent(self) -> Target:
        ways = [key for key in ("values", "contains", "equals") if key in self.said]
        if len(ways) > 1:
            raise ValueError(f"'{ways[0]}' and '{ways[1]}' both say what is positive: keep one")
        for key in ("contains", "equals"):
            if getattr(self, key) is not None and not plain(getattr(self, key)):
                raise ValueError(f"'{key}' is blank: write the word that means positive")
        if self.separator is not None and self.contains is None:
            raise ValueError("'separator' needs 'contains', the label to look for in each cell")
        if self.separator is not None and self.separator in (self.contains or ""):
            raise ValueError("'contains' holds the 'separator', so no label could equal it")
        meant: dict[str, int] = {}
        for word, label in (self.values or {}).items():
            if meant.setdefault(plain(word), label) != label:
                raise ValueError(f"'values' gives {plain(word)!r} both labels: keep one")
        both = [word for word in self.uncertain_values if plain(word) in meant]
        if both:
            raise ValueError(f"{both[0]!r} is among both 'values' and 'uncertain_values': keep one")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out unused keys that older cards lack, so that their digests do not change."""
        content: dict[str, Any] = write(self)
        unused = set(_LABEL_KEYS) - set(self.said)
        unused |= {key for key in ("finding", "sided") if not getattr(self, key)}
        return {key: value for key, value in content.items() if key not in unused}
