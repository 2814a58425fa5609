"""What a model's process answers, which is its word: cleaned, cut, and never believed further."""

from __future__ import annotations

from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Raised

_WIDTH = 160  # characters of a line
_LINES_OF_MESSAGE, _MESSAGE = 40, 4000  # what an error's own message may have
_PASSES = 10**9  # between two signs of life, that are believed


def result_of(answer: Any) -> Any:
    """The result that an answer holds.

    Raises:
        AuditError: What the function raised.
        Raised: Anything else that the function raised.
        ValueError: If it is no answer.
    """
    match answer:
        case {"result": result}:
            return result
        case {"error": [str(what), str(remedy)]}:
            raise AuditError(_short(what), _short(remedy))
        case {"raised": str(text)}:
            raise Raised(clean(text))
    raise ValueError("no answer")


def count_of(passes: object) -> int:
    """Passes that a process says it did; none if that is no number of them."""
    return min(passes, _PASSES) if type(passes) is int and passes > 0 else 0


def clean(text: str, width: int = _WIDTH) -> str:
    """One line without control characters, of limited length."""
    shown = "".join(each if each.isprintable() else " " for each in text[: width + 1])
    return shown if len(shown) <= width else f"{shown[:width]}…"


def _short(text: str) -> str:
    """A message without control characters other than line breaks, of limited length."""
    return "\n".join(clean(line, _MESSAGE) for line in text.splitlines()[:_LINES_OF_MESSAGE])
