"""The registry of shortcuts, restored after each test that changes it."""

from __future__ import annotations

import pytest

from audit_suite.phantoms.shortcut import SHORTCUTS


@pytest.fixture
def shortcuts(monkeypatch):
    """The registry; what a test registers is forgotten when it is over."""
    len(SHORTCUTS)  # the shipped ones are in it
    monkeypatch.setattr(SHORTCUTS, "_entries", dict(SHORTCUTS._entries))
    return SHORTCUTS
