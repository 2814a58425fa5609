"""Errors that are kept: each without the calls that led to it, and the images these held."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Hashable

from audit_suite.errors import AuditError


class Remembered(UserDict[Hashable, AuditError]):
    """Errors by what they stopped, however they are put in (`AuditError.alone`)."""

    def __setitem__(self, stopped: Hashable, error: AuditError) -> None:
        super().__setitem__(stopped, error.alone())
