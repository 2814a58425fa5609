"""What to say of a label column that cannot be read: the values there, and the line to write."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from audit_suite.cards import Target
from audit_suite.cards.target import plain
from audit_suite.datasets.tags import is_missing

_MOST, _LONGEST = 8, 24  # values of a column that are shown, and the characters of each
_SHARED = 2  # patients who must have a value before it is shown: it may be a name
_SEPARATORS = "|;,/"
_YES = "1 yes y true t positive pos present abnormal malignant case disease diseased + ja oui si sí"
_NO = "0 no n false f negative neg absent normal benign control healthy - nein non"
_MEANT = dict.fromkeys(_YES.split(), 1) | dict.fromkeys(_NO.split(), 0)


def values_there(cells: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
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
    if len(counts) > _MOST or any(len(text) > _LONGEST for text in counts):
        return []
    return sorted(
        ((text, count) for text, count in counts.items() if len(patients[text]) >= _SHARED),
        key=lambda value: (-value[1], value[0]),
    )


def suggested(target: Target, values: Sequence[str]) -> str:
    """The line of the card that reads a column's values, as far as they tell.

    Args:
        target: What the card says so far.
        values: Values of the column, the most frequent first; none where they must not be shown.
    """
    if target.contains is not None:
        return f'separator = "|", or what separates the labels in a cell, or {_mapped({})}'
    words = [word for word in values if plain(word).casefold() != "-1"]
    meant = {word: _MEANT.get(plain(word).casefold()) for word in words}
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


def _mapped(labels: dict[str, int]) -> str:
    ordered = sorted(labels.items(), key=lambda pair: -pair[1]) or [("Yes", 1), ("No", 0)]
    inside = ", ".join(f"{_key(word)} = {label}" for word, label in ordered)
    return f"values = {{ {inside} }}"


def _key(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_-]+", word) else _quoted(word)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
