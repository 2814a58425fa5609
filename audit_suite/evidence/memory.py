"""How much memory this process and those that it starts may still take."""

from __future__ import annotations

from pathlib import Path

from audit_suite.evidence.cgroups import groups_of, text

_UNKNOWN = 64 << 30  # bytes, where the system does not say
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that further processes may use: what the machine has left, and the cgroups allow.

    Args:
        root: The file system in which ``proc`` and ``sys`` are looked up.
    """
    available = _named(root / "proc/meminfo", "MemAvailable:")
    free = _UNKNOWN if available is None else available << 10
    for folder, version in groups_of("memory", root):
        limit, used, files = _FILES[version]
        most, now = text(folder / limit).strip(), text(folder / used).strip()
        if most.isdecimal() and now.isdecimal():
            given_up = _named(folder / "memory.stat", files) or 0  # files that were read count too
            free = min(free, int(most) - int(now) + given_up)
    return max(0, free)


def _named(file: Path, name: str) -> int | None:
    """The number that follows a name on a line of its own."""
    lines = (line.split() for line in text(file).splitlines())
    return next((int(words[1]) for words in lines if len(words) > 1 and words[0] == name), None)
