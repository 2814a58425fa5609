"""The exception for everything that a user can correct."""

from __future__ import annotations

from typing import Self


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

    def alone(self) -> Self:
        """Itself, to be remembered: without the calls that led to it, and the images they held."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self
