"""Between collection and the first test: show the plan, or compute the missing evidence."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence

import pytest

from audit_suite.audit.full_run import full_passes, full_run
from audit_suite.audit.obtain import Obtained, obtain
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import planned_requests
from audit_suite.audit.prospects import plan_audit
from audit_suite.audit.vetting import unusable_models
from audit_suite.errors import AuditError
from audit_suite.evidence import describe_plan
from audit_suite.evidence.meter import Meter
from audit_suite.planning.words import in_lines
from pytest_audit.collecting import CASE, Collecting, cases_in
from pytest_audit.exchange import Computed, Exchange
from pytest_audit.progress import Noting, Watching, display_for


class Computing:
    """Computes the plan's evidence once, in this process or shared among workers."""

    def __init__(
        self, config: pytest.Config, audit: Audit, collecting: Collecting, show_plan: bool
    ) -> None:
        self._config = config
        self._audit = audit
        self._collecting = collecting
        self._show_plan = show_plan
        self._exchange = config.stash[Exchange.KEY]
        self._full = 0  # passes of the full audit, if this is a first look
        self._obtained = Obtained()
        workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
        self._is_controller = bool(workers) and not self._exchange.is_worker
        self._workers = 0
        if self._is_controller and show_plan:
            raise pytest.UsageError("--audit-plan shows the plan of one process: add -n0")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: Sequence[object]) -> None:
        """Note how many workers there are."""
        self._workers = len(specs)

    def pytest_collection(self) -> None:
        """Start the process of the first model, which imports torch while checks are collected."""
        if not (self._is_controller or self._config.option.collectonly):
            self._audit.source.executor.start(self._audit.models[0])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Compute what the selected checks declared, before the first of them runs."""
        if self._is_controller:
            watching = Watching(self._exchange, display_for(self._reporter), self._workers)
            self._config.pluginmanager.register(watching, "audit-watching")
            try:
                return (yield)
            finally:
                watching.stop()
                self._full = watching.full
                self._obtained = Obtained((watching.meter,) if watching.meter else ())
        if not session.testsfailed and not self._config.option.collectonly:
            problems = unusable_models(self._audit)
            if problems and self._show_plan:
                raise pytest.UsageError("\n".join(problems))
            for problem in problems:
                self._say(f"audit: {problem}")
            if self._show_plan:
                self._say("audit plan: evidence to compute, by model and data set")
                requests = planned_requests(cases_in(session.items))
                for line in describe_plan(requests, self._audit.source):
                    self._say(f"  {line}")
                self._say_what_could_be_decided()
                session.items.clear()
            else:
                self._compute(session.items)
        try:
            return (yield)
        except KeyboardInterrupt:
            self._audit.source.beside.stop(self._audit.source.executor.stop)
            raise
        finally:
            self._audit.source.beside.wait()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """Say at the end of a first look, after its verdicts, how long the full audit takes."""
        yield
        if self._full and not self._exchange.is_worker:
            terminalreporter.write_line(full_run(self._full, self._obtained.rate))

    def _compute(self, items: list[pytest.Item]) -> None:
        """Compute what is missing; checks go last whose explanations are computed meanwhile."""
        worker = self._exchange.is_worker
        if not self._audit.settings.offline:
            display = Noting(self._note) if worker else display_for(self._reporter)
            after = None if worker else display_for(self._reporter)
            done = obtain(cases_in(items), self._audit.source, display, after)
            items.sort(key=lambda item: done.waits(item.stash[CASE]))
            self._obtained = done
        if self._audit.settings.profile == "first-look":
            self._full = full_passes(self._collecting.checks.values(), self._audit)
        if worker:
            self._note(next(iter(self._obtained.meters), Meter(0)), over=True)
        elif not self._obtained.coming:
            self._audit.source.executor.start()  # for the pictures, when all is judged

    def _say_what_could_be_decided(self) -> None:
        try:
            lines = in_lines(plan_audit(self._audit), shutil.get_terminal_size().columns)
        except AuditError as error:  # the plan's lines say so too
            lines = [str(error)]
        for line in ["", "what these data could decide:", *lines]:
            self._say(line)

    def _note(self, meter: Meter, over: bool = False) -> None:
        """Tell the controller how far this worker is."""
        self._exchange.note_computed(
            Computed(
                expected=meter.expected,
                done=meter.done,
                seconds=meter.seconds,
                over=over,
                full=self._full,
            )
        )

    @property
    def _reporter(self) -> pytest.TerminalReporter | None:
        """The reporter; a worker's shows nothing."""
        if self._exchange.is_worker:
            return None
        return self._config.pluginmanager.get_plugin("terminalreporter")

    def _say(self, line: str) -> None:
        if (reporter := self._reporter) is not None:
            reporter.ensure_newline()
            reporter.write_line(line)
