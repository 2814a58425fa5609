"""Processes that work beside those of models, and for which nobody waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Raised
from audit_suite.evidence.graphics import VISIBLE
from audit_suite.evidence.processes.child import Child

_ALONE = {VISIBLE: "", "OMP_NUM_THREADS": "1"}
"""What each sees: no card, and a core of its own."""


@contextmanager
def helpers(count: int, job: tuple[Any, ...], timeout: float) -> Iterator[None]:
    """Have processes without a card do a job meanwhile; they are ended when this is left.

    Args:
        count: How many.
        job: As `jobs.packed` made it. What becomes of it is nobody's concern.
        timeout: Seconds without a sign of life after which one is ended.
    """
    children: list[Child] = []
    with suppress(OSError):  # no more processes may be started
        children += [Child(_ALONE) for _ in range(count)]
    threads = [threading.Thread(target=_do, args=(c, job, timeout), daemon=True) for c in children]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        for child in children:
            child.kill()
        for thread in threads:
            thread.join()


def _do(child: Child, job: tuple[Any, ...], timeout: float) -> None:
    with suppress(AuditError, Raised):
        child.ask(job, timeout, lambda line: None)
