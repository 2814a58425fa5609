"""How far the computing of evidence is, how fast it goes, and how long it still takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]
_RECENT = 30.0  # seconds over which the rate is taken: explanations go slower than scores
_SHORTEST = 2.0  # ... and under which none is given
_BAR = 24  # characters
_MINUTES, _HOURS = 90, 5400  # seconds from which minutes, and then hours, read better


class Meter:
    """Counts forward passes; the time left assumes that all go on as the last half minute did.

    Attributes:
        expected: Passes that were missing at the start, about.
        done: Those that were made since.
    """

    def __init__(
        self, expected: int, clock: Clock = time.monotonic, *, running: float = 0.0
    ) -> None:
        """Start to count.

        Args:
            expected: Passes that are missing, about.
            clock: Gives the time in seconds.
            running: For how many seconds they have been made already.
        """
        self.expected = expected
        self.done = 0
        self._clock = clock
        self._start = clock() - running
        self._end = clock()
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, passes: int) -> None:
        """Count some more passes as done."""
        self.reach(self.done + passes)

    def reach(self, done: int) -> None:
        """Count so many passes as done in all."""
        self.done, self._end = done, self._clock()
        self._recent.append((self._end, done))
        while len(self._recent) > 2 and self._end - self._recent[1][0] >= _RECENT:
            self._recent.popleft()

    @property
    def seconds(self) -> float:
        """Seconds from the start to the last count."""
        return self._end - self._start

    @property
    def rate(self) -> float | None:
        """Passes a second since the start; None if there was none."""
        return self.done / self.seconds if self.done and self.seconds > 0 else None

    @property
    def recent_rate(self) -> float | None:
        """Passes a second over the last half minute; None if that is not known yet."""
        if not self._recent:
            return None
        since, before = self._recent[0]
        seconds, passes = self._clock() - since, self.done - before
        return passes / seconds if passes and seconds >= _SHORTEST else None

    @property
    def left(self) -> float | None:
        """Seconds that are left, about; None if that is not known yet."""
        rate = self.recent_rate
        return None if rate is None else max(0, self.expected - self.done) / rate

    def line(self) -> str:
        """How far it is, in a line of text."""
        return f"{self._percent} % of {self.expected:,} forward passes{self._pace()}"

    def bar(self) -> str:
        """The same as a bar, in less than 80 characters."""
        full = "#" * (_BAR * self._percent // 100)
        return f"[{full:.<{_BAR}}] {self._percent:3} %{self._pace()}"

    def last_line(self) -> str:
        """What was done, in a line of text."""
        rate = "" if self.rate is None else f", {_number(self.rate)}/s"
        return f"{self.done:,} forward passes in {in_words(self.seconds)}{rate}"

    @property
    def _percent(self) -> int:
        """Rounded down, so that 100 are all."""
        return min(100, 100 * self.done // max(1, self.expected))

    def _pace(self) -> str:
        rate, left = self.recent_rate, self.left
        if rate is None or left is None:
            return ""
        return f", {_number(rate)}/s" + (f", about {in_words(left)} left" if left else "")


def in_words(seconds: float) -> str:
    """A duration, rounded to what it is known to."""
    if seconds < _MINUTES:
        number, unit = str(max(1, round(seconds))), "second"
    elif seconds < _HOURS:
        number, unit = str(round(seconds / 60)), "minute"
    else:
        number, unit = f"{seconds / 3600:.1f}", "hour"
    return f"{number} {unit}{'' if number == '1' else 's'}"


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
