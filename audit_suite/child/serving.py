"""Serve the judge: one job after the other, until its pipe is closed."""

from __future__ import annotations

import importlib
import json
import logging
import pickle
import threading
import warnings
from typing import Any, BinaryIO

from audit_suite.child.working import Sources
from audit_suite.errors import AuditError
from audit_suite.evidence.executor import described
from audit_suite.evidence.processes.frames import read_frame, write_frame
from audit_suite.evidence.processes.jobs import perform
from audit_suite.pulse import beat, listening

_HEAVY = "audit_suite.evidence.scores.compute"  # imported while the judge reads and collects


class _Answers:
    """The pipe to the judge; several threads may write."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, **answer: Any) -> None:
        content = json.dumps(answer, allow_nan=True).encode()
        with self._lock:
            write_frame(self._pipe, content)


def serve(jobs: BinaryIO, answers: BinaryIO, confined: bool) -> None:
    """Do the jobs that the judge sends.

    Args:
        jobs: The judge's end writes frames: pickled, what `evidence.processes.jobs.packed` made.
        answers: Frames of JSON: progress, signs of life, and one result or error per job.
        confined: Whether the network is cut.
    """
    importlib.import_module(_HEAVY)
    warnings.simplefilter("ignore")  # output is the last word of a process that dies
    logging.getLogger().addHandler(logging.NullHandler())
    reply = _Answers(answers)
    reply.send(network=confined)
    sources = Sources()

    def say(line: str) -> None:
        reply.send(said=line)
        beat()

    while (content := read_frame(jobs, most=1 << 40)) is not None:
        try:
            with listening(lambda passes: reply.send(alive=True, passes=passes)):
                result = perform(pickle.loads(content), sources.of, say)  # noqa: S301 - the judge's own
            reply.send(result=result)
        except AuditError as error:
            reply.send(error=[error.what, error.remedy])
        except BaseException as error:
            reply.send(raised=described(error))
