"""So much time and no more: what is running when it is over is stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeOver(KeyboardInterrupt):
    """Raised where the program is when the time is over; handled as Ctrl-C is, everywhere."""


class Budget:
    """Seconds from now on.

    Args:
        seconds: How many.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds that are over."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._seconds - self.spent)

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Raise `TimeOver` in this block when the time is over; a context for the main thread."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            raise TimeOver

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(1e-3, self.left))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
