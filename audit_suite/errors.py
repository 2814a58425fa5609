"""The exception for everything that a user can correct."""

from __future__ import annotations


class AuditError(Exception):
    """A user's input or set-up is wrong; the message says what happened, why, and what to do next.

    Attributes:
        what: What happened, naming the option, file, row or card key.
        remedy: What to do next; empty if there is no advice.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(what, remedy)

    def __str__(self) -> str:
        return f"{self.what}\n  -> {self.remedy}" if self.remedy else self.what
