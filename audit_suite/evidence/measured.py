"""Compute evidence while a meter runs, and tell of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from audit_suite.evidence.computing import compute, try_models
from audit_suite.evidence.meter import Clock, Meter
from audit_suite.evidence.passes import passes_left
from audit_suite.evidence.source import EvidenceSource, Progress, Request
from audit_suite.pulse import listening

_EVERY = 10.0  # seconds between two lines of a log


class Display(Protocol):
    """Shows a meter."""

    @property
    def say(self) -> Progress:
        """Writes a line of another content."""
        ...

    def show(self, meter: Meter) -> None:
        """Show how far it is."""
        ...

    def close(self, meter: Meter) -> None:
        """Show what was done, if anything was."""
        ...


class Log:
    """Tells of a meter in lines of text: one every ten seconds, and the last one.

    Attributes:
        say: Takes a line.
    """

    def __init__(self, say: Progress, clock: Clock = time.monotonic) -> None:
        self.say = say
        self._clock = clock
        self._said = clock()

    def show(self, meter: Meter) -> None:
        """Say a line, unless the one before is too recent."""
        if self._clock() - self._said >= _EVERY:
            self._said = self._clock()
            self.say(meter.line())

    def close(self, meter: Meter) -> None:
        """Say what was done, if anything was."""
        if meter.done:
            self.say(meter.last_line())


def compute_measured(
    requests: Iterable[Request[Any]],
    source: EvidenceSource,
    show: Callable[[Meter], None],
    progress: Progress = lambda line: None,
) -> Meter:
    """Compute and store the evidence that is missing, as `source.compute`, with a meter.

    Args:
        requests: The requested evidence.
        source: Data sets, models, profile and store.
        show: Called with the meter at the start and at signs of life, at most twice a second.
        progress: Called with a line of text if something else must be said.

    Returns:
        The meter at the end.
    """
    wanted = tuple(requests)
    try_models(wanted, source, progress)
    left = passes_left((r for r in wanted if source.failure(r) is None), source)
    meter = Meter(left // source.store.part.of)

    def count(passes: int) -> None:
        meter.add(passes)
        show(meter)

    show(meter)
    with listening(count):
        compute(wanted, source, progress)
    return meter


def compute_beside(
    requests: Iterable[Request[Any]], source: EvidenceSource, display: Display
) -> Meter:
    """Start to compute and store missing evidence in a thread (`source.beside`), with a meter.

    Args:
        requests: The requested evidence, of models that were tried (`compute_measured`).
        source: Data sets, models, profile and store.
        display: Shows the meter while somebody waits for this evidence, and when it is there.

    Returns:
        The meter, which goes on counting.
    """
    wanted = frozenset(r for r in requests if source.failure(r) is None)
    meter = Meter(passes_left(wanted, source) // source.store.part.of)
    lines: deque[str] = deque()

    def work() -> None:
        with listening(meter.add):
            compute(wanted, source, lines.append)

    def show(over: bool) -> None:
        while lines:
            display.say(lines.popleft())
        (display.close if over else display.show)(meter)

    source.beside.start(work, wanted, show)
    return meter
