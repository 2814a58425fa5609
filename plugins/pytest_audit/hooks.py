"""Hooks that other plugins and conftest files may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from audit_suite.record import Finding


@pytest.hookspec
def pytest_audit_register_shortcuts(register: Any) -> None:
    """Register kinds of planted shortcuts, called once before cards are read.

    Args:
        register: ``audit_suite.phantoms.register_shortcut``: ``register(name, callable)`` with
            ``callable(image, regions, rng, strength) -> image``; a data set card then names it.
    """


@pytest.hookspec
def pytest_audit_finding(finding: Finding) -> None:
    """Called once for each finding, when it arrives, in the process that writes the record."""
