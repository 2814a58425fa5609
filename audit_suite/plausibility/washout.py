"""Wash-out: the days between two looks at an image, by the dates of the answers."""

from __future__ import annotations

from itertools import pairwise

from audit_suite.readings import Answers, Key


def least_washout(answers: Answers, key: Key) -> int | None:
    """The least days between an image under one masking and under another; None if all is well.

    Repeats of the same picture, which tell how steady a reader is, are free of it; so are answers
    without a date (`undated`).

    Args:
        answers: A reader's export.
        key: The key of the pack.
    """
    seen: dict[int, list[tuple[int, str]]] = {}
    for answer in answers.answers:
        item = key.items[answer.code]
        if answer.on is not None and not item.method and item.repeats is None:
            seen.setdefault(item.index, []).append((answer.on.toordinal(), item.masking))
    days = [
        later - earlier
        for looks in seen.values()
        for (earlier, one), (later, other) in pairwise(sorted(looks))
        if one != other
    ]
    least = min(days, default=key.washout_days)
    return least if least < key.washout_days else None


def undated(answers: Answers, key: Key) -> bool:
    """Whether there is a wash-out to check, and an answer that does not say on which day it was."""
    return key.washout_days > 0 and any(answer.on is None for answer in answers.answers)
