"""The verdicts of an audit, their order, and the exceptions that raise them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict of a check on one model and data set.

    ``none < pass < inconclusive < fail < error`` is the order of ISO/IEC 9646 (TTCN-3): a verdict
    may only get worse. ``waived`` and ``not_applicable`` are outside the order.
    """

    NONE = "none"
    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    ERROR = "error"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


SEVERITY = (
    Verdict.NONE,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
    Verdict.WAIVED,
    Verdict.INCONCLUSIVE,
    Verdict.FAIL,
    Verdict.ERROR,
)
"""All verdicts, each worse for the gate than those before it."""

NO_SKILL = "skill on full images is not shown"
"""Starts the reason of a check that does not apply because there is no skill that could be lost."""

_OUTSIDE = (Verdict.NOT_APPLICABLE, Verdict.WAIVED)
_ORDER = tuple(verdict for verdict in SEVERITY if verdict not in _OUTSIDE)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Merge verdicts: the worst of them, ``none`` if there are none.

    Args:
        verdicts: Verdicts inside the order.

    Returns:
        The worst verdict.

    Raises:
        ValueError: If a verdict is outside the order (``waived``, ``not_applicable``).
    """
    return max(verdicts, key=_ORDER.index, default=Verdict.NONE)


class Inconclusive(Exception):
    """There are too few data to decide between pass and fail."""


class NotApplicable(Exception):
    """The check has no meaning here; the report shows the message as the reason."""
