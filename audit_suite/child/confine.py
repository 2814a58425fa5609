"""Confine this process: no network where the system allows it, no life without its parent.

Imports the standard library alone: Linux lets a process leave its namespaces only while it has one
thread, and numpy starts more.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # linux/sched.h
_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38  # linux/prctl.h


def confine() -> bool:
    """Leave the network, die with the parent, gain no privileges, and write no core dump.

    A dump would hold images of patients.

    Returns:
        Whether the network is cut; only Linux can, and only where it permits new namespaces.
    """
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        cut = _leave_network(libc)
        libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    except (OSError, AttributeError, TypeError):  # another system
        return False
    return cut


def _leave_network(libc: ctypes.CDLL) -> bool:
    """An empty network namespace: by privilege, else as a user of a namespace of one's own."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_NETWORK) == 0:
        return True
    if libc.unshare(_NEW_NETWORK | _NEW_USER) != 0:
        return False
    for file, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        try:
            Path("/proc/self", file).write_text(line, encoding="ascii")
        except OSError:
            break  # files stay readable all the same: only the names of their owners are lost
    return True
