"""Tags as tables hold them: which texts mean that a value is unknown, and which mean a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.once import content, kept_once
from audit_suite.errors import AuditError

_MISSING = {"", "nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none", "-", "?", "."}
_NUMBER = re.compile(r"[<>≤≥~]?=?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*\+?", re.IGNORECASE)
_MOST_ODD = 0.1  # share of values that may be no numbers in a column of numbers
_CODES = 20  # with more different numbers a column does not hold codes that look like numbers


def is_missing(text: str) -> bool:
    """Whether a text says that a value is unknown, as programs write it: ``nan``, ``NULL``, ..."""
    return text.strip().lower() in _MISSING


def with_numbers(dataset: Dataset) -> Dataset:
    """The data set with plain numbers in its tags that are numbers, blank where they are unknown.

    ``>89`` and ``90+``, as ages are written so that they do not identify, count as 89 and 90. One
    ``NA`` would otherwise make two hundred ages two hundred words, in which no regression finds
    anything.

    Raises:
        AuditError: If a tag is a mixture of many numbers and other text; names it.
    """
    columns = {}
    notes = []
    for name in dataset.card.metadata:
        texts = [str(case.metadata[name]) for case in dataset.cases]
        plain, odd = _plain(texts)
        if plain is None and odd:
            raise AuditError(
                f"{dataset.card.path}: key 'metadata': '{name}' is a number in part of the images "
                f"and other text in {odd}",
                "write numbers, and leave unknown values blank; or drop the tag",
            )
        if plain is not None and plain != texts:
            columns[name] = plain
        if plain is not None and odd:
            notes.append(f"{name} of {odd} images is no number, so it counts as unknown")
    if not (columns or notes):
        return dataset
    once = kept_once(content)
    cases = tuple(
        replace(case, metadata=once({**case.metadata, **{n: c[i] for n, c in columns.items()}}))
        for i, case in enumerate(dataset.cases)
    )
    return replace(dataset, cases=cases, notes=(*dataset.notes, *notes))


def _plain(texts: Sequence[str]) -> tuple[list[str] | None, int]:
    """A column as plain numbers, None if it holds words; and how many values are neither."""
    known = [text for text in texts if not is_missing(text)]
    numbers = {text: _number(text) for text in set(known)}
    odd = sum(not numbers[text] for text in known)
    if known and odd <= _MOST_ODD * len(known):
        return [numbers.get(text, "") for text in texts], odd
    mixed = odd <= len(known) / 2 and len(set(filter(None, numbers.values()))) > _CODES
    return None, odd if mixed else 0


def _number(text: str) -> str:
    """The number that a text holds, as written; empty if it holds none."""
    match = _NUMBER.fullmatch(text.strip())
    return match[1] if match and np.isfinite(float(match[1])) else ""
