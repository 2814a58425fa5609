"""What a child process is given of its parent's surroundings: no secrets, but all that it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import audit_suite
from audit_suite.registry import brought

ALLOWED = (
    *("PATH", "HOME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("SYSTEMROOT", "WINDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8"),
    *("OMP_*", "MKL_*", "KMP_*", "OPENBLAS_*", "NUMEXPR_*", "MALLOC_*"),
    *("CUDA_*", "CUBLAS_*", "CUDNN_*", "NVIDIA_*", "HIP_*", "HSA_*", "ROCR_*"),
    *("CC", "CXX", "TRITON_*", "TORCHINDUCTOR_*"),
    *("TORCH_HOME", "TORCH_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"),
    *("COVERAGE_*", "AUDIT_REAL_DATA"),
)
"""Environment variables that a child process sees, as patterns. All others stay with the parent."""

_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Unless the parent says otherwise. By default a thread of torch that waits for the others keeps
its core busy for milliseconds, which those that decode images need, or other programs do."""

CHILD = "AUDIT_SUITE_CHILD"
"""Set in a child process."""


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a child process: those of `ALLOWED`, and where the package is.

    Threads that wait are told to sleep, unless the parent's own surroundings say how they wait.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, pattern) for pattern in ALLOWED)
    }
    return _WAITING | kept | {"PYTHONPATH": str(Path(audit_suite.__file__).parents[1]), CHILD: "1"}


def lost_modules() -> list[str]:
    """What registered something and cannot be passed on, such as a notebook's cell."""
    return [name for name, file in brought() if not Path(file).is_file()]


def brought_modules(objects: Iterable[object]) -> list[tuple[str, str]]:
    """The modules that a child must load to know what this process knows: name and file of each.

    Args:
        objects: What is passed on; the modules that define it are among them.
    """
    modules = dict.fromkeys(brought())
    for each in objects:
        name = type(each).__module__
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and not name.startswith("audit_suite."):
            modules[name, file] = None
    return [(name, os.path.realpath(file)) for name, file in modules if Path(file).is_file()]
