"""Entry point of the plugin: options always, everything else only under `--audit`."""

from __future__ import annotations

import pytest

from pytest_audit import options

ATTRIBUTE = "__audit_check__"  # set by audit_suite.check; repeated here to import nothing heavy


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the audit's options."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the audit's hooks."""
    from pytest_audit import hooks

    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Load ``audits/conftest.py`` before cards are read, because cards may name what it registers.

    pytest loads the conftest files of named paths at once, and others only during collection. An
    audit without a named path runs the checks in ``audits``, so that folder is named here.
    """
    known = early_config.known_args_namespace
    own = early_config.rootpath / "audits"
    if getattr(known, "audit", False) and not known.file_or_dir and own.is_dir():
        known.file_or_dir = [str(own)]


def pytest_configure(config: pytest.Config) -> None:
    """Start an audit if one was asked for."""
    if config.getoption("audit"):
        from pytest_audit.session import start

        start(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--audit`, deselect the checks."""
    if config.getoption("audit"):
        return
    checks = [item for item in items if _is_check(getattr(item, "function", None))]
    if checks:
        items[:] = [item for item in items if item not in set(checks)]
        config.hook.pytest_deselected(items=checks)


def _is_check(function: object) -> bool:
    """Whether a function is declared as a check, below hypothesis' ``@given`` too."""
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", None)
    return hasattr(function, ATTRIBUTE) or hasattr(inner, ATTRIBUTE)
