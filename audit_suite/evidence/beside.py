"""Evidence that is computed in a thread, where models run, while this process judges the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable

_LOOK = 0.5  # seconds between progress updates while one waits


class Stopped(KeyboardInterrupt):
    """The audit was stopped, so what is computed beside it ends too."""


class Beside:
    """One piece of work in a thread, and those who need its results or its place.

    Whoever reads what it computes waits for it, and so does whoever calls a function where models
    run, since those places do one thing at a time.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._results: Collection[Hashable] = ()
        self._show: Callable[[bool], None] = lambda over: None
        self._failed: BaseException | None = None
        self._stopped = False

    def start(
        self,
        work: Callable[[], None],
        results: Collection[Hashable],
        show: Callable[[bool], None] = lambda over: None,
    ) -> None:
        """Start the work.

        Args:
            work: What to do.
            results: What there is when it is done; see `wait_for`.
            show: Called by whoever waits, now and then, and once with True when it is over.
        """
        self._results, self._show = results, show
        self._thread = threading.Thread(target=self._run, args=[work], daemon=True)
        self._thread.start()

    def wait_for(self, result: Hashable) -> None:
        """Wait until there is a result, if the work gives it.

        Raises:
            BaseException: What the work raised.
        """
        if result in self._results:
            self.wait()
            if self._failed is not None:
                raise self._failed

    def wait(self) -> None:
        """Wait until nothing is computed any more; in the work's own thread go on.

        Raises:
            Stopped: In that thread, after `stop`.
        """
        thread = self._thread
        if thread is None:
            return
        if thread is threading.current_thread():
            if self._stopped:
                raise Stopped
            return
        while thread.is_alive():
            thread.join(_LOOK)
            self._show(False)
        self._thread = None
        self._show(True)

    def stop(self, end: Callable[[], None]) -> None:
        """End the work, and wait for its end.

        Args:
            end: Ends what runs at the places of models.
        """
        if self._thread is not None and self._thread.is_alive():
            self._stopped = True
            end()
            self.wait()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:
            self._failed = error
