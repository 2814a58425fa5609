"""What a model's code may do in the process that runs it; called by name in a child process."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceStore
from audit_suite.evidence.executors.process import Processes
from audit_suite.pulse import beat, beating


class Own(BaseException):
    def __str__(self):
        raise RuntimeError("not even a text")


RAISED = {
    "KeyError: 'tail'": lambda: {}["tail"],
    "ConnectionRefusedError: no": lambda: _raise(ConnectionRefusedError("no\nsecond line")),
    "SystemExit: 0": lambda: sys.exit(0),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "Own": lambda: _raise(Own()),
    "RecursionError: maximum recursion depth exceeded": lambda: _deeper(0),
    "MemoryError": lambda: _raise(MemoryError()),
}


def _raise(error):
    raise error


def _deeper(level):
    return _deeper(level + 1)


def add(_source, say, *numbers):
    for number in numbers:
        say(f"adding {number}")
    return {"sum": sum(numbers), "process": os.getpid()}


def mistake(_source, _say):
    raise AuditError("a file is missing", "write it")


def raises(_source, _say, what):
    RAISED[what]()


def surroundings(_source, _say):
    given = Path("/proc/self/environ").read_bytes().split(b"\0")[:-1]  # torch adds some later
    return {
        "variables": [each.partition(b"=")[0].decode() for each in given],
        "modules": sorted(sys.modules),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "status": Path("/proc/self/status").read_text(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def connects(_source, _say, port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def patches(_source, _say):
    EvidenceStore.has = lambda *_: True
    Processes.ask = None
    json.dumps = lambda *_, **__: '{"result": "patched"}'
    return "honest"


def known(_source, _say, fill):
    from audit_suite.registry import FILLS

    return fill in FILLS


def kept(_source, _say, thing):
    return thing.value


def slow(_source, _say, seconds, how):
    end = time.monotonic() + seconds
    if how == "at each step":
        while time.monotonic() < end:
            time.sleep(0.05)
            beat()
    elif how == "steadily":
        with beating():
            time.sleep(seconds)
    return "done"


def hang(_source, _say):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    while True:
        time.sleep(1)


def ends(_source, _say):
    print("\x1b[31mlast words\x07")
    sys.stdout.flush()
    os._exit(0)


def ends_once(_source, _say, marker):
    """The process is lost at the first call."""
    if not Path(marker).exists():
        Path(marker).write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def silent(_source, _say):
    """It gives no sign of life, in whichever thread it runs."""
    time.sleep(600)
