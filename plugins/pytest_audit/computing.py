"""Between collection and the first test: show the plan, or compute the missing evidence."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import planned_requests
from audit_suite.audit.vetting import unusable_models
from audit_suite.evidence import compute, describe_plan
from pytest_audit.collecting import cases_in


class Computing:
    """Computes the plan's evidence once, in this process or shared among workers."""

    def __init__(self, config: pytest.Config, audit: Audit, show_plan: bool) -> None:
        self._config = config
        self._audit = audit
        self._show_plan = show_plan
        workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
        self._is_worker = hasattr(config, "workerinput")
        self._is_controller = bool(workers) and not self._is_worker
        if self._is_controller and show_plan:
            raise pytest.UsageError("--audit-plan shows the plan of one process: add -n0")

    def pytest_collection(self) -> None:
        """Start the process of the first model, which imports torch while checks are collected."""
        if not (self._is_controller or self._config.option.collectonly):
            self._audit.source.executor.start(self._audit.models[0])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Compute what the selected checks declared, before the first of them runs."""
        if self._is_controller:
            self._say("audit: the workers share the computation of the evidence")
        elif not session.testsfailed and not self._config.option.collectonly:
            requests = planned_requests(cases_in(session.items))
            problems = unusable_models(self._audit)
            if problems and self._show_plan:
                raise pytest.UsageError("\n".join(problems))
            for problem in problems:
                self._say(f"audit: {problem}")
            if self._show_plan:
                self._say("audit plan: evidence to compute, by model and data set")
                for line in describe_plan(requests, self._audit.source):
                    self._say(f"  {line}")
                session.items.clear()
            elif not self._audit.settings.offline:
                compute(requests, self._audit.source, lambda line: self._say(f"evidence: {line}"))
            if not (self._is_worker or self._show_plan):
                self._audit.source.executor.start()  # for the pictures, when all is judged
        return (yield)

    def _say(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not self._is_worker:
            reporter.ensure_newline()
            reporter.write_line(line)
