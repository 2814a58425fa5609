"""How far the computing is: a bar in a terminal, lines in a log, and the sum of all workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from audit_suite.evidence.measured import Display, Log
from audit_suite.evidence.meter import Meter
from pytest_audit.exchange import Exchange

_EVERY = 1.0  # seconds between two looks at what the workers have done
_LAST = 2.0  # seconds in which the others say what they did, when the first has ended


def display_for(reporter: pytest.TerminalReporter | None) -> Display:
    """A bar in a terminal, else lines; nothing is shown without a reporter."""
    if reporter is None:
        return Log(lambda line: None)
    return Bar(reporter) if reporter.isatty() else Log(lambda line: write(reporter, line))


def write(reporter: pytest.TerminalReporter, line: str) -> None:
    """Write a line about evidence."""
    reporter.ensure_newline()
    reporter.write_line(f"evidence: {line}")


class Bar:
    """One line of a terminal, rewritten in place."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._shown = False

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._clear()
        write(self._reporter, line)

    def show(self, meter: Meter) -> None:
        """Draw the bar."""
        if meter.expected:
            self._reporter.rewrite(f"evidence {meter.bar()}", erase=True)
            self._shown = True

    def close(self, meter: Meter) -> None:
        """Put what was done in the place of the bar."""
        self._clear()
        if meter.done:
            write(self._reporter, meter.last_line())

    def _clear(self) -> None:
        if self._shown:
            self._reporter.rewrite("", erase=True)
            self._reporter.rewrite("")  # back to the start of the line
            self._shown = False


class Noting:
    """What a worker does with its meter: the process that hands out the checks shows it."""

    def __init__(self, show: Callable[[Meter], None]) -> None:
        self.show = show

    def say(self, line: str) -> None:
        """Nothing: every worker would say it."""

    def close(self, meter: Meter) -> None:
        """Nothing: `Watching` tells the sum."""


class Watching:
    """Shows what the workers do, in the process that hands out the checks.

    They compute between the end of their collection and their first check.

    Attributes:
        full: Passes of the full audit; 0 if not known.
        meter: What all workers together have done; None if nothing was missing.
    """

    def __init__(self, exchange: Exchange, display: Display, workers: int) -> None:
        self._exchange = exchange
        self._display = display
        self._collecting = workers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.meter: Meter | None = None
        self.full = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Start when the last worker has collected: until then xdist rewrites a line of its own."""
        self._collecting -= 1
        if self._collecting == 0:
            self._thread.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Stop before the first check is shown."""
        self.stop()

    def stop(self) -> None:
        """Show what was done; only once."""
        if self._over.is_set():
            return
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        until = time.monotonic() + _LAST
        while not self._look() and time.monotonic() < until:
            time.sleep(_LAST / 100)
        if self.meter is not None:
            self._display.close(self.meter)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()
            if self.meter is not None:
                self._display.show(self.meter)

    def _look(self) -> bool:
        """Read what the workers have done; returns whether all have ended."""
        computed = self._exchange.computed()
        self.full = computed.full
        if computed.expected and self.meter is None:
            self.meter = Meter(computed.expected, running=computed.seconds)
        if self.meter is not None:
            self.meter.expected = computed.expected
            self.meter.reach(computed.done)
        return computed.over
