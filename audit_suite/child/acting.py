"""What an actor of Ray does: one job after the other, while it says that it is alive."""

from __future__ import annotations

import importlib
import json
import logging
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

from audit_suite.child.working import Sources
from audit_suite.errors import AuditError
from audit_suite.evidence.executor import described
from audit_suite.evidence.processes.jobs import perform
from audit_suite.evidence.processes.surroundings import CHILD
from audit_suite.pulse import beat, listening

_HEAVY = "audit_suite.evidence.scores.compute"


class Acting:
    """Holds models, and takes jobs of `evidence.processes.jobs.packed`; answers are JSON.

    Two methods may be called at a time: jobs share one thread, so that torch counts its threads
    alike in all of them, and `pulse` has another.
    """

    def __init__(self) -> None:
        os.environ[CHILD] = "1"
        logging.getLogger().addHandler(logging.NullHandler())
        self._sources = Sources(elsewhere=True)
        self._jobs = ThreadPoolExecutor(1)
        self._noting = threading.Lock()
        self._beats, self._passes = 0, 0
        self._lines: list[str] = []

    def ready(self) -> bool:
        """Import what is heavy."""
        self._jobs.submit(importlib.import_module, _HEAVY).result()
        return True

    def do(self, job: bytes) -> tuple[str, int, list[str]]:
        """Do a job: its result or error, as JSON; passes and lines that `pulse` did not give."""
        answer = self._jobs.submit(self._do, job).result()
        _, passes, lines = self.pulse()
        return answer, passes, lines

    def pulse(self) -> tuple[int, int, list[str]]:
        """Signs of life since the start; passes and lines of progress since the last call."""
        with self._noting:
            signs = self._beats, self._passes, self._lines
            self._passes, self._lines = 0, []
        return signs

    def _do(self, job: bytes) -> str:
        try:
            with listening(self._note):
                result = perform(pickle.loads(job), self._sources.of, self._say)  # noqa: S301
            return json.dumps({"result": result}, allow_nan=True)
        except AuditError as error:
            return json.dumps({"error": [error.what, error.remedy]})
        except BaseException as error:
            return json.dumps({"raised": described(error)})

    def _note(self, passes: int) -> None:
        with self._noting:
            self._beats += 1
            self._passes += passes

    def _say(self, line: str) -> None:
        with self._noting:
            self._lines.append(line)
        beat()
