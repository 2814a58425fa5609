"""What one cell of a table says of one target, and what the card makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import cache

from audit_suite.cards import Target
from audit_suite.cards.target import plain
from audit_suite.datasets.tags import is_missing

_PLAIN = {"1": 1, "0": 0, "true": 1, "false": 0}
_UNCERTAIN = "-1"  # as CheXpert and MIMIC-CXR write it
_DENIED = re.compile(
    r"\b(no|not|non|none|without|never|negative|denie[sd]|exclude[sd]?|free of|rule[sd]? out|"
    r"resolved|kein\w*|ohne|nicht|pas|sans|sin|senza)\b"
)
"""Words that turn the meaning of free text around: such a cell is not read by a word in it."""


class Said(Enum):
    """What a cell says."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    MISSING = "missing"
    UNCERTAIN = "uncertain"
    UNREADABLE = "unreadable"


def reading(target: Target) -> Callable[[str], Said]:
    """How the cells of a target's column are read: a function from a cell to what it says.

    The words of the card come first, then those for uncertain and missing labels; whatever else
    there is can be read only where one class stands against all others.
    """
    uncertain = {_folded(word) for word in (_UNCERTAIN, *target.uncertain_values)}
    by_word = _by_word(target)

    @cache
    def said(text: str) -> Said:
        meaning = by_word(text)
        if meaning is Said.POSITIVE or (meaning is Said.NEGATIVE and target.values is not None):
            return meaning
        words = _parts(text, target.separator)
        if uncertain.intersection([*words, _folded(text)]):
            return Said.UNCERTAIN
        return Said.MISSING if all(map(is_missing, words)) else meaning

    return said


def label_of(target: Target, said: Said) -> int | None:
    """The label that the card makes of what a cell says.

    Returns:
        0 or 1; None where the target has none: the cell is left out, or it is an error.
    """
    rule = {Said.MISSING: target.missing, Said.UNCERTAIN: target.uncertain}.get(said, said.value)
    return {"positive": 1, "negative": 0}.get(rule)


def _by_word(target: Target) -> Callable[[str], Said]:
    """What a cell says by the words of the card alone."""
    if target.equals is not None:
        wanted = _folded(target.equals)
        return lambda text: _sign(_folded(text) == wanted)
    if target.contains is not None and target.separator is not None:
        wanted = _folded(target.contains)
        return lambda text: _sign(wanted in _parts(text, target.separator))
    if target.contains is not None:
        whole = re.compile(rf"(?<!\w){re.escape(_folded(target.contains))}(?!\w)")
        return lambda text: _in_text(_folded(text), whole)
    words, folded = _words(target)
    return lambda text: _of_word(words.get(_folded(text) if folded else plain(text)))


def _words(target: Target) -> tuple[dict[str, int], bool]:
    """The label of each word, and whether upper and lower case are the same."""
    if target.values is None:
        return _PLAIN, True
    exact: dict[str, int] = {plain(word): label for word, label in target.values.items()}
    folded: dict[str, int] = {}
    same = all(folded.setdefault(word.casefold(), label) == label for word, label in exact.items())
    return (folded, True) if same else (exact, False)


def _parts(text: str, separator: str | None) -> list[str]:
    """The labels that a cell lists: the whole cell where no separator is named."""
    return [_folded(part) for part in (text.split(separator) if separator else [text])]


def _folded(text: str) -> str:
    return plain(text).casefold()


def _in_text(cell: str, whole: re.Pattern[str]) -> Said:
    if not whole.search(cell):
        return Said.NEGATIVE
    return Said.UNREADABLE if _DENIED.search(whole.sub(" ", cell)) else Said.POSITIVE


def _of_word(label: int | None) -> Said:
    return Said.UNREADABLE if label is None else _sign(bool(label))


def _sign(positive: bool) -> Said:
    return Said.POSITIVE if positive else Said.NEGATIVE
