"""Wash-out: the days between two looks at an image, by the dates of the answers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.readings import Answers, Key


def least_washout(answers: Answers, key: Key, path: Path) -> int | None:
    """The least days between an image under one masking and under another; None if all is well.

    Repeats of the same picture, which tell how steady a reader is, are free of it.

    Args:
        answers: A reader's export.
        key: The key of the pack.
        path: The export's file, for the message.

    Raises:
        AuditError: If an answer has no date though the study has a wash-out.
    """
    if not key.washout_days:
        return None
    seen: dict[int, list[tuple[int, str]]] = {}
    for answer in answers.answers:
        item = key.items[answer.code]
        if item.method or item.repeats is not None:
            continue
        if answer.on is None:
            raise AuditError(
                f"{path}: the answer to item '{answer.code}' has no date, so the wash-out of "
                f"{key.washout_days} days cannot be checked",
                "export it again from the pack's page; do not edit the file",
            )
        seen.setdefault(item.index, []).append((answer.on.toordinal(), item.masking))
    days = [
        later - earlier
        for looks in seen.values()
        for (earlier, one), (later, other) in pairwise(sorted(looks))
        if one != other
    ]
    least = min(days, default=key.washout_days)
    return least if least < key.washout_days else None
