"""How many processes share the work of one job: as many as there are cores and work for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.cores import granted_cores
from audit_suite.evidence.executor import Source

_MOST = 16  # each has a copy of torch and of the model in memory
_WORTH = 1 << 26  # pixels through a model, for which starting a process is worth its seconds


def room_for(requests: Iterable[Any], source: Source, ready: int) -> int:
    """Processes that compute some requests side by side.

    One thread each is the most that small networks make use of, so that two processes of one thread
    take about half as long as one process of two. On CUDA there is one: processes do not share a
    card's memory.

    Args:
        requests: What is computed.
        source: The judge's: its profile says how many threads a process has.
        ready: How many have been started.
    """
    if source.profile.device == "cuda":
        return 1
    cores = granted_cores() // (source.profile.threads * source.workers)
    return max(1, min(_MOST, cores, max(ready, _pixels(requests, source) // _WORTH)))


def _pixels(requests: Iterable[Any], source: Source) -> int:
    """Pixels that go through the models; nothing for data that cannot be read."""
    total = 0
    for request in requests:
        height, width = request.model.input.size
        try:
            total += request.passes(source) * height * width
        except AuditError:
            continue
    return total
