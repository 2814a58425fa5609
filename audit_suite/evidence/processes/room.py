"""How many processes share the work of one job: as many as there are cores, memory and work for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.cores import granted_cores
from audit_suite.evidence.executor import Source
from audit_suite.evidence.memory import free_memory

_MOST = 16
_GIB = 1 << 30
_SMALL, _LARGE = 1 * _GIB, 4 * _GIB  # bytes of a process with small inputs; of one with larger ones
_SMALL_SIDE = 128  # pixels: EfficientNet-Lite0 at 224 took 4.6 GB to explain eight images at a time
_WORTH = 1 << 26  # pixels through a model, for which starting a process is worth its seconds


def room_for(requests: Iterable[Any], source: Source, ready: int) -> int:
    """Processes that compute some requests side by side.

    One thread each is the most that small networks make use of, so that two processes of one thread
    take about half as long as one process of two. Each has a copy of torch, of the model and of
    what passes through it. On CUDA there is one: processes do not share a card's memory.

    Args:
        requests: What is computed.
        source: The judge's: its profile says how many threads a process has.
        ready: How many have been started.
    """
    if source.profile.device == "cuda":
        return 1
    asked = list(requests)
    cores = granted_cores() // (source.profile.threads * source.workers)
    large = any(max(request.model.input.size) > _SMALL_SIDE for request in asked)
    fit = ready + free_memory() // (source.workers * (_LARGE if large else _SMALL))
    return max(1, min(_MOST, cores, fit, max(ready, _pixels(asked, source) // _WORTH)))


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
