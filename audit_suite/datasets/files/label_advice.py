"""What to say of a label column that cannot be read: the values there, and the line to write."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from audit_suite.cards import DatasetCard, Target
from audit_suite.cards.target import plain
from audit_suite.datasets.files.label_rule import Said
from audit_suite.datasets.tags import is_missing

_MOST, _LONGEST = 8, 24  # values of a column that are shown, and the characters of each
_SHARED = 2  # patients who must have a value before it is shown: it may be a name
_SEPARATORS = "|;,/"
_YES = "1 yes y true t positive pos present abnormal malignant case disease diseased + ja oui si sí"
_NO = "0 no n false f negative neg absent normal benign control healthy - nein non"
_RULES = {
    Said.MISSING: 'missing = "exclude" (for this target alone) or "negative"',
    Said.UNCERTAIN: 'uncertain = "exclude" (for this target alone), "positive" or "negative"',
}
_MEANT = dict.fromkeys(_YES.split(), 1) | dict.fromkeys(_NO.split(), 0)


Cells = Sequence[tuple[str, str]]
"""The cells of a column, each with its patient."""


def fault(
    card: DatasetCard, name: str, said: Said, numbers: Sequence[int], cells: Cells
) -> tuple[str, str]:
    """What is wrong with some rows of a target's column, and the line of the card that helps.

    Args:
        card: The card.
        name: The target.
        said: What the cells of these rows say.
        numbers: The rows.
        cells: The whole column.
    """
    target = card.targets[name]
    if said in _RULES:
        what, remedy = f"is {said.value}", _RULES[said]
    else:
        values = values_there(cells)
        what = _unreadable(target) + _holding(values)
        remedy = suggested(target, [text for text, _ in values])
    more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
    return (
        f"row {numbers[0]}{more}, column '{target.column or name}': the label {what}",
        f"write under [targets.{name}] of {card.path.name} what it means: {remedy}",
    )


def absent(card: DatasetCard, name: str, cells: Cells) -> tuple[str, str]:
    """That no row has a target's word, which makes all negative, and which key to correct."""
    target = card.targets[name]
    key, word = ("equals", target.equals) if target.equals else ("contains", target.contains)
    selects = ", 'split' or 'filter'" if card.split or card.filter else ""
    return (
        f"column '{target.column or name}': no row has '{word}'{_holding(values_there(cells))}",
        f"correct targets.{name}.{key}{selects} in {card.path.name}",
    )


def values_there(cells: Cells) -> list[tuple[str, int]]:
    """The values of a column with their counts, the most frequent first.

    Args:
        cells: Each cell's text and its patient.

    Returns:
        Values that two patients share at least; none where a value is long or there are more than a
        few, as in a column of names or free text.
    """
    counts: Counter[str] = Counter()
    patients = defaultdict(set)
    for text, patient in cells:
        if not is_missing(text):
            counts[text] += 1
            patients[text].add(patient)
    if len(counts) > _MOST or not all(map(_is_word, counts)):
        return []
    return sorted(
        ((text, count) for text, count in counts.items() if len(patients[text]) >= _SHARED),
        key=lambda value: (-value[1], value[0]),
    )


def meaning(word: str) -> int | None:
    """1 or 0 where a word usually says yes or no, as ``Yes`` and ``absent`` do; else None."""
    return _MEANT.get(plain(word).casefold())


def _is_word(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable()


def suggested(target: Target, values: Sequence[str]) -> str:
    """The line of the card that reads a column's values, as far as they tell.

    Args:
        target: What the card says so far.
        values: Values of the column, the most frequent first; none where they must not be shown.
    """
    if target.contains is not None:
        return f'separator = "|", or what separates the labels in a cell, or {_mapped({})}'
    words = [word for word in values if plain(word).casefold() != "-1"]
    meant = {word: meaning(word) for word in words}
    known = {word: label for word, label in meant.items() if label is not None}
    listed = [sign for sign in _SEPARATORS if any(sign in word for word in words)]
    if words and len(known) == len(words):
        return _mapped(known)
    if listed:
        first = words[0].split(listed[0])[0].strip() or words[0]
        return f"contains = {_quoted(first)}, separator = {_quoted(listed[0])}, for that label"
    if len(words) == 2:
        return f"{_mapped({words[0]: 1, words[1]: 0})}, or the other way round"
    if words:
        return f"equals = {_quoted(words[0])}, for that class, or {_mapped({})} for these words"
    return f"{_mapped({})} with its words"


def _unreadable(target: Target) -> str:
    if target.values is not None:
        return "is not among 'values'"
    return "is a text that may deny the word" if target.contains is not None else "is not 0 or 1"


def _holding(values: Sequence[tuple[str, int]]) -> str:
    counted = ", ".join(f"{text} {count} times" for text, count in values)
    return f" (the column holds {counted})" if counted else ""


def _mapped(labels: dict[str, int]) -> str:
    ordered = sorted(labels.items(), key=lambda pair: -pair[1]) or [("Yes", 1), ("No", 0)]
    inside = ", ".join(f"{_key(word)} = {label}" for word, label in ordered)
    return f"values = {{ {inside} }}"


def _key(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_-]+", word) else _quoted(word)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
