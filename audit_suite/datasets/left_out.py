"""Rows that were left out, in a few lines: how many for which reason, and some of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

EXAMPLES = 5
"""Rows of a reason that are listed."""

_REASONS = 50  # reasons told apart; beyond, they count together
_VARIES = re.compile(r"'[^']*'|\d+(?:\.\d+)?")  # between rows of one reason: names and numbers
_COUNTED = re.compile(r"(\d+) rows? of ")


class LeftOut(NamedTuple):
    """Rows left out: their number, and why, in a few lines."""

    rows: int
    why: list[str]


def left_out(lines: Iterable[str]) -> LeftOut:
    """Rows left out, grouped by reason.

    Args:
        lines: A line for each row, or for several that were counted (``3 rows of m.csv: ...``).
    """
    reasons: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for line in lines:
        counted = _COUNTED.match(line)
        reason = line if counted else _VARIES.sub("#", line)
        if reason not in reasons and len(reasons) >= _REASONS:
            reason = ""
        shown = reasons.setdefault(reason, [])
        if len(shown) < EXAMPLES:
            shown.append(line)
        counts[reason] = counts.get(reason, 0) + (int(counted[1]) if counted else 1)
    texts = [
        line for reason, shown in reasons.items() for line in _said(reason, counts[reason], shown)
    ]
    return LeftOut(sum(counts.values()), texts)


def _said(reason: str, count: int, shown: Sequence[str]) -> list[str]:
    rest = count - len(shown)
    if _COUNTED.match(reason) or rest <= 0:
        return list(shown)
    why = "for the same reason" if reason else "for other reasons"
    return [*shown, f"and {rest} more {why}"]
