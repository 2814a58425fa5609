"""The cgroups that limit this process: where their files lie, in versions 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Version = Literal[1, 2]


def groups_of(controller: str, root: Path) -> Iterator[tuple[Path, Version]]:
    """The folders of this process's cgroups and of those around them, and which version they are.

    Args:
        controller: What they limit: ``cpu`` or ``memory``.
        root: The file system in which ``proc`` and ``sys`` are looked up.
    """
    for line in text(root / "proc/self/cgroup").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            yield from ((folder, 2) for folder in _along(root / "sys/fs/cgroup", path))
        elif controller in controllers.split(","):
            yield from ((folder, 1) for folder in _along(root / "sys/fs/cgroup" / controller, path))


def text(file: Path) -> str:
    """What a file of the system says; nothing if it is not there."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _along(mount: Path, path: str) -> Iterator[Path]:
    """The folders from the mounted hierarchy's root down to a cgroup.

    In a container the path may be that of the host, where the mount shows the cgroup itself.
    """
    folder = mount
    for part in ("", *Path(path).parts):
        if part in ("/", ".."):
            continue
        folder = folder / part
        yield folder
