"""Gather the findings, write the record and the report, and decide the exit code."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from audit_suite.audit.assemble import assemble
from audit_suite.audit.gate import Exit
from audit_suite.audit.judge import worsened
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import shown_requests
from audit_suite.errors import AuditError
from audit_suite.record import Finding, Record, natural_order
from audit_suite.report import write_folder
from audit_suite.verdict import Verdict
from pytest_audit.exchange import Exchange
from pytest_audit.options import Options
from pytest_audit.terminal import told_once, write_interrupted, write_section


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
        self._interrupted = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the shared folder of the plan to a new xdist worker."""
        self._exchange.share(node)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that a person stopped the audit; pytest's own ways to stop are subclasses."""
        self._interrupted = excinfo.type is KeyboardInterrupt

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
            before = self._came.get(report.nodeid)
            self._came[report.nodeid] = worsened(
                finding if before is None else worsened(before, finding, "judged twice"),
                self._shown(finding),
                "an extension (pytest_audit_finding)",
            )
        elif report.failed:
            self._lost[report.nodeid] = "the process that ran this check crashed"

    def _shown(self, finding: Finding) -> Finding:
        """A copy of a finding after every plugin saw it."""
        copy = finding.model_copy(deep=True)
        self._config.hook.pytest_audit_finding(finding=copy)
        return copy

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Write the record and the report, then set the exit code by the decision."""
        if not self._exchange.is_worker:
            findings = self._findings()
            only_listed = self._options.plan or session.config.option.collectonly
            if findings and not only_listed:
                self._write(findings)
            self._exit = self._decide(session, exitstatus, findings)
            self._exchange.close()
        yield
        if self._exit is not None:
            session.exitstatus = self._exit  # whatever another plugin made of it

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """Show the audit's section, last; it tells each failure once, so pytest need not."""
        with told_once(terminalreporter):
            yield
        if not self._exchange.is_worker:
            if self._interrupted and self._record and terminalreporter.verbosity <= 0:
                write_interrupted(terminalreporter, self._record, self._written)
                return
            write_section(terminalreporter, self._record, self._written, self._problems, self._exit)

    def _decide(
        self, session: pytest.Session, exitstatus: int, findings: Sequence[Finding]
    ) -> Exit | None:
        """The exit code of the audit; None where pytest's own says more."""
        if self._problems or self._uncollected:
            return Exit.FAIL
        if self._record is not None and self._record.decision == "closed":
            return Exit.FAIL
        if self._keeps(session, exitstatus, findings):
            return None
        return Exit.PARTIAL if self._record is None else Exit.of(self._record.decision)

    def _keeps(self, session: pytest.Session, exitstatus: int, findings: Sequence[Finding]) -> bool:
        """Whether pytest's own exit code is more informative than the gate's."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            return not findings
        if exitstatus == pytest.ExitCode.INTERRUPTED:  # by a person, or by -x under xdist
            stopped = session.shouldfail or self._config.getoption("maxfail", default=None)
            return not findings or not stopped
        return exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)

    def _findings(self) -> list[Finding]:
        findings = []
        for node, planned in self._exchange.plan().items():
            finding = self._came.get(node, planned.finding)
            if node in self._lost and node not in self._came:
                finding.verdict, finding.reason = Verdict.ERROR, self._lost[node]
            findings.append(finding)
        return sorted(findings, key=natural_order)

    def _write(self, findings: list[Finding]) -> None:
        planned = self._exchange.plan().values()  # known in a controller too, which never collects
        shown = shown_requests(self._audit.cells, ((p.finding, p.maskings) for p in planned))
        problems = []
        if self._uncollected:
            count = len(self._uncollected)
            files = "1 file of checks" if count == 1 else f"{count} files of checks"
            problems.append(f"{files} could not be collected")
        self._record = record = assemble(self._audit, findings, shown, problems)
        for path, write in (
            (self._options.json, self._save),
            (self._options.report, self._report),
            (self._options.report_folder, self._report_folder),
        ):
            try:
                if path is not None:
                    write(record, path)
            except AuditError as error:
                self._problems.append(str(error))

    def _save(self, record: Record, path: Path) -> None:
        record.save(path)
        self._written.append(("record", path))

    def _report(self, record: Record, path: Path) -> None:
        self._problems += map(str, record.report(path))
        self._written.append(("report", path))

    def _report_folder(self, record: Record, path: Path) -> None:
        problems = map(str, write_folder(record, path))
        self._problems += [problem for problem in problems if problem not in self._problems]
        self._written.append(("report as a folder", path))
