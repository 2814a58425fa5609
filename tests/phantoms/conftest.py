"""The registry of shortcuts."""

from __future__ import annotations

import pytest

from audit_suite.phantoms.shortcut import SHORTCUTS


@pytest.fixture
def shortcuts():
    """The registry, with the shipped shortcuts in it."""
    len(SHORTCUTS)
    return SHORTCUTS
