"""Gather the findings, write the record and the report, and decide the exit code."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from audit_suite.audit.assemble import assemble
from audit_suite.audit.gate import Exit, Gate, decide
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import shown_requests
from audit_suite.errors import AuditError
from audit_suite.record import Finding, Record, natural_order
from audit_suite.verdict import Verdict
from pytest_audit.exchange import Exchange
from pytest_audit.options import Options
from pytest_audit.terminal import write_section

# Options that keep tests from being collected at all, where no plan could miss them.
_NARROWING = ("lf", "stepwise", "ignore", "ignore_glob")


class Recording:
    """Collects the findings, in the process that writes the record (never in a worker)."""

    def __init__(self, config: pytest.Config, audit: Audit, options: Options) -> None:
        self._config = config
        self._audit = audit
        self._options = options
        self._exchange = config.stash[Exchange.KEY]
        self._came: dict[str, Finding] = {}
        self._lost: dict[str, str] = {}
        self._uncollected: list[str] = []
        self._record: Record | None = None
        self._written: list[tuple[str, Path]] = []
        self._problems: list[str] = []
        self._exit: Exit | None = None  # None where pytest's own exit code stands

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the shared folder of the plan to a new xdist worker."""
        self._exchange.share(node)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note files that could not be collected: their checks are not even planned."""
        if report.failed:
            self._uncollected.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Store a finding; a failed report without a finding is a crash, and an error."""
        if self._exchange.is_worker:
            return
        carried = getattr(report, "audit_finding", None)
        if carried is not None:
            finding = Finding.model_validate_json(carried)
            self._came[report.nodeid] = finding
            self._config.hook.pytest_audit_finding(finding=finding)
        elif report.failed:
            self._lost[report.nodeid] = "the process that ran this check crashed"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Write the record and the report, then set the exit code by the gate."""
        if not self._exchange.is_worker:
            findings = self._findings()
            policy = self._audit.settings.inconclusive
            gate = self._whole(decide(findings, policy, self._audit.waivers))
            if findings and not self._options.plan:
                self._write(findings, gate)
            if gate.exit_code == Exit.FAIL or not self._keeps(session, exitstatus, findings):
                self._exit = Exit.FAIL if self._problems else gate.exit_code
                session.exitstatus = self._exit
            self._exchange.close()
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the audit's section."""
        if not self._exchange.is_worker:
            write_section(terminalreporter, self._record, self._written, self._problems, self._exit)

    def _keeps(self, session: pytest.Session, exitstatus: int, findings: Sequence[Finding]) -> bool:
        """Whether pytest's own exit code is more informative than the gate's."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            return not findings
        if exitstatus == pytest.ExitCode.INTERRUPTED:  # by a person, or by -x under xdist
            return not findings or not (session.shouldfail or self._set("maxfail"))
        return exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)

    def _whole(self, gate: Gate) -> Gate:
        """Close the gate if files could not be collected; a narrowed run is partial."""
        if self._uncollected and gate.exit_code != Exit.FAIL:
            count = len(self._uncollected)
            return Gate("closed", f"{count} files of checks could not be collected", Exit.FAIL)
        narrowing = [f"--{key.replace('_', '-')}" for key in _NARROWING if self._set(key)]
        if any("::" in argument for argument in self._config.args):
            narrowing.append("a path with ::")
        if narrowing and gate.exit_code in (Exit.OPEN, Exit.INCONCLUSIVE):
            reason = f"{' and '.join(narrowing)} kept checks from being collected"
            return Gate("partial", reason, Exit.INCOMPLETE)
        return gate

    def _set(self, key: str) -> bool:
        return bool(self._config.getoption(key, default=None))

    def _findings(self) -> list[Finding]:
        findings = []
        for node, planned in self._exchange.plan().items():
            finding = self._came.get(node, planned.finding)
            if node in self._lost and node not in self._came:
                finding.verdict, finding.reason = Verdict.ERROR, self._lost[node]
            findings.append(finding)
        return sorted(findings, key=natural_order)

    def _write(self, findings: list[Finding], gate: Gate) -> None:
        planned = self._exchange.plan().values()  # known in a controller too, which never collects
        shown = shown_requests(self._audit.cells, ((p.finding, p.maskings) for p in planned))
        try:
            self._record = assemble(self._audit, findings, gate, shown)
            self._problems += self._record.broken_sections.values()
            if self._options.json is not None:
                self._record.save(self._options.json)
                self._written.append(("record", self._options.json))
            if self._options.report is not None:
                self._problems += map(str, self._record.report(self._options.report))
                self._written.append(("report", self._options.report))
        except AuditError as error:
            self._problems.append(str(error))
