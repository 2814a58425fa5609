"""How many processes share the work of one job: as many as there are cores, memory and work for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.cores import granted_cores
from audit_suite.evidence.executor import Source

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


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that further processes may use: what the machine has left, and the cgroup allows.

    Args:
        root: The file system in which ``proc`` and ``sys`` are looked up.
    """
    free = _MOST * _LARGE
    available = _named(root / "proc/meminfo", "MemAvailable:")
    if available is not None:
        free = available << 10
    group = root / "sys/fs/cgroup"
    for folder, limit, used, files in (
        (group, "memory.max", "memory.current", "inactive_file"),
        (group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, now = _text(folder / limit).strip(), _text(folder / used).strip()
        if most.isdecimal() and now.isdecimal():
            given_up = _named(folder / "memory.stat", files) or 0  # files that were read count too
            free = min(free, int(most) - int(now) + given_up)
    return max(0, free)


def _named(file: Path, name: str) -> int | None:
    """The number that follows a name on a line of its own."""
    lines = (line.split() for line in _text(file).splitlines())
    return next((int(words[1]) for words in lines if len(words) > 1 and words[0] == name), None)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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
