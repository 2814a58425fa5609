"""kill -9 while an audit runs, and the same audit again: nothing is lost, nothing opens."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tricks.world import Attempt, Call, gate

KIND = "kill -9"
NUMBER = 20
_LONGEST = 12.0  # seconds after the start


def attempts() -> Iterator[Attempt]:
    """All of them, at times drawn from one seed."""
    draw = random.Random(11)
    for number in range(NUMBER):
        after = draw.uniform(0.3, _LONGEST)
        yield Attempt(KIND, f"{number + 1}: after {after:.1f} s", _killed(after))


def _killed(after: float):
    def prepare(folder: Path) -> Call:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "--audit", "-q", "--rootdir", str(folder)),
                *("--audit-evidence=evidence", "--audit-json=audit.json", "--audit-device=cpu"),
                *("--audit-model=shortcut.toml", "--audit-dataset=data.toml"),
                "--audit-suite=region-sensitivity",
            ],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not gate(folder) or after < 3, "an old record outlived the start"
        return Call(own_evidence=True)

    return prepare
