"""What this process may use of the processor: how many cores, and which instructions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from audit_suite.evidence.cgroups import groups_of, text

_MICROSECONDS = 100_000  # a cgroup's period, where it is not said
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of Intel and AMD, feature of ARM


def usable_cores(root: Path = Path("/")) -> int:
    """Threads to compute with: as `wished_threads` says, else one per core of this process.

    A container may be given fewer cores than the machine has, in two ways: by the set of cores on
    which it may run, and by a quota of processor time. Threads beyond either wait for each other in
    every layer of a network.

    Args:
        root: The file system in which ``proc`` and ``sys`` are looked up.
    """
    return wished_threads() or granted_cores(root)


def wished_threads() -> int | None:
    """The number in ``OMP_NUM_THREADS``; None without one."""
    wished = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(wished) if wished.isdecimal() and int(wished) else None


def granted_cores(root: Path = Path("/")) -> int:
    """Cores on which this process may run, however many threads each of its programs takes.

    Args:
        root: As of `usable_cores`.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(int(quota) for quota in _quotas(root))]))


def computes_bf16(root: Path = Path("/")) -> bool:
    """Whether the processor multiplies bfloat16 itself, as far as the system says.

    Args:
        root: The file system in which ``proc`` is looked up.
    """
    if sys.platform != "linux":
        return False
    for line in text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return not _BF16.isdisjoint(value.split())
    return False


def _quotas(root: Path) -> Iterator[float]:
    """Cores that the cgroups of this process, and those around them, grant it at a time."""
    for folder, version in groups_of("cpu", root):
        quota = _QUOTA[version](folder)
        if quota is not None:
            yield quota


def _quota_of_version_2(folder: Path) -> float | None:
    quota, *period = text(folder / "cpu.max").split() or ["max"]
    return _ratio(quota, period[0] if period else "")


def _quota_of_version_1(folder: Path) -> float | None:
    return _ratio(
        text(folder / "cpu.cfs_quota_us").strip(), text(folder / "cpu.cfs_period_us").strip()
    )


_QUOTA = {1: _quota_of_version_1, 2: _quota_of_version_2}


def _ratio(quota: str, period: str) -> float | None:
    """Cores, from a time per period; None without a limit ('max', or -1)."""
    if not quota.isdecimal():
        return None
    whole = int(period) if period.isdecimal() and int(period) else _MICROSECONDS
    return int(quota) / whole
