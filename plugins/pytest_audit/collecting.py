"""Collection: cases of declared checks over the cells, and the plan before any deselection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from audit_suite.audit.levels import share_level
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import CheckCase, cases_of, refuse_conflicts
from audit_suite.checks import Check, check_on
from audit_suite.errors import AuditError
from pytest_audit.exchange import Exchange, Planned

CASE = pytest.StashKey[CheckCase]()


class Collecting:
    """Parametrizes checks over the cells and notes what was planned."""

    def __init__(self, config: pytest.Config, audit: Audit) -> None:
        self._config = config
        self._audit = audit
        self.checks: dict[str, Check] = {}  # all, by id; also those that a first look leaves out

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give every argument of a check its case, which is resolved when the check runs."""
        check = check_on(metafunc.function)
        if check is None:
            return
        self.checks[check.id] = check
        names = list(check.needs) or ["audit"]
        cases = cases_of(check, self._audit)
        metafunc.parametrize(
            names,
            [[case] * len(names) for case in cases],
            ids=[case.name for case in cases],
            indirect=[name for name in names if name == "audit"],
        )

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Attach its case to each test item of a check."""
        params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        case = next((value for value in params.values() if isinstance(value, CheckCase)), None)
        if case is not None:
            function = getattr(item, "originalname", None) or item.name.partition("[")[0]
            here = self._config.invocation_params.dir
            item.stash[CASE] = case.repeated_by(item.path, function, here)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Deselect all but checks, required ones first; note the plan before `-k` and the like."""
        others = [item for item in items if CASE not in item.stash]
        if others:
            self._config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if CASE in item.stash]
        items.sort(key=lambda item: item.stash[CASE].role != "required")
        for item, case in zip(items, share_level(cases_in(items), self._audit.policy), strict=True):
            item.stash[CASE] = case
        try:
            refuse_conflicts(cases_in(items))
        except AuditError as error:
            raise pytest.UsageError(str(error)) from None
        self._config.stash[Exchange.KEY].note_plan(
            {
                item.nodeid: Planned(finding=case.planned(), maskings=case.shown())
                for item, case in zip(items, cases_in(items), strict=True)
            }
        )


def cases_in(items: Iterable[pytest.Item]) -> Iterator[CheckCase]:
    """The cases among some items."""
    return (item.stash[CASE] for item in items if CASE in item.stash)
