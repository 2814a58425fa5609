"""The judge's handle on one child process: ask it something, watch it, end it."""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Say
from audit_suite.evidence.processes.answers import clean, count_of, result_of
from audit_suite.evidence.processes.frames import read_frame, write_frame
from audit_suite.evidence.processes.surroundings import child_environment
from audit_suite.pulse import beat

_COMMAND = (sys.executable, "-P", "-m", "audit_suite.child")
_KEPT = 4096  # bytes of a child's output that are kept
_LINES = 3  # of these, that an error shows
_WAITING = 64  # answers read ahead; a flood of them waits in the pipe
_SAID = 10_000  # lines of progress per call that are passed on
_SLICE = 0.5  # seconds after which it is seen that a child ended without closing its pipe
_PATIENCE = 5.0  # seconds that a child is given to end by itself


class ChildDied(AuditError):
    """A child process ended, hung or answered nonsense, and is gone."""


class Child:
    """One child process; it calls one function at a time.

    Nothing that it writes is trusted: answers are JSON of a limited length, and its output is kept
    in a small buffer. It is ended by a signal that it cannot ignore.
    """

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        """Start it.

        Args:
            more: Environment variables that it sees besides.
        """
        self._process = subprocess.Popen(  # noqa: S603 - nothing of a user's is in the command
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**child_environment(os.environ), **(more or {})},
            start_new_session=True,  # Ctrl-C is for the judge, who then ends it
        )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue(_WAITING)
        self._output: deque[int] = deque(maxlen=_KEPT)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        self._stdin = stdin
        self._readers = [
            (_started(self._read_answers, stdout), stdout),
            (_started(self._read_output, stderr), stderr),
        ]
        self.confined: bool | None = None  # None until it said whether its network is cut

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, job: tuple[Any, ...], timeout: float, say: Say) -> Any:
        """Have it do a job, and wait for the answer.

        Args:
            job: What `audit_suite.child.serving` takes.
            timeout: Seconds without a sign of life after which it has hung.
            say: Called with its lines of progress.

        Raises:
            ChildDied: If it is gone; it is ended where it is not.
            AuditError: What the function raised.
            Raised: Anything else that the function raised.
        """
        _started(_send, self._stdin, pickle.dumps(job))  # if it does not read, nothing blocks
        said = 0
        while True:
            match answer := self._next(timeout):
                case {"alive": True, **more}:
                    beat(count_of(more.get("passes")))
                case {"network": bool(cut)}:
                    self.confined = cut
                case {"said": str(line)}:
                    said += 1
                    if said <= _SAID:
                        say(clean(line))
                case {"result": _} | {"error": [str(), str()]} | {"raised": str()}:
                    return result_of(answer)
                case None:
                    raise self._died(self._ending())
                case _:
                    raise self._died("answered what is no answer, and was ended")

    def _next(self, timeout: float) -> dict[str, Any] | None:
        """The next answer; None if there will be none."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            ended = not self.alive  # though a process that it started may hold its pipe open
            with suppress(queue.Empty):
                return self._answers.get(timeout=min(left, _SLICE))
            if ended:
                return None
        raise self._died(f"gave no sign of life for {timeout:g} s and was ended")

    def leave(self) -> None:
        """Close its pipe, on which it ends; do not wait for that."""
        with suppress(OSError, ValueError):
            self._stdin.close()

    def close(self) -> None:
        """End it: by closing its pipe, and by force if it does not comply."""
        self.leave()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self.kill()

    def _died(self, how: str) -> ChildDied:
        self.kill()
        said = _last_lines(bytes(self._output))
        return ChildDied(
            f"the process that ran the model {how}"
            + (f"; its last output was: {said}" if said else ""),
            "correct the model's code, or see what it does with --audit-executor inline; stored "
            "evidence is kept",
        )

    def _ending(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        code = self._process.returncode
        if code is None:
            return "closed its pipe and was ended"
        if code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def kill(self) -> None:
        """Kill it with all that it started, and read what is left of its output."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        until = time.monotonic() + _PATIENCE
        while any(thread.is_alive() for thread, _ in self._readers) and time.monotonic() < until:
            with suppress(queue.Empty):  # a reader may wait for room
                self._answers.get_nowait()
            for thread, _ in self._readers:
                thread.join(0.02)
        for thread, pipe in self._readers:
            if not thread.is_alive():  # else a process that escaped holds the other end
                pipe.close()
        with suppress(OSError, ValueError):
            self._stdin.close()

    def _read_answers(self, pipe: IO[bytes]) -> None:
        with suppress(OSError):
            while True:
                try:
                    content = read_frame(pipe)
                    answer = None if content is None else json.loads(content)
                except (ValueError, RecursionError):
                    self._answers.put({})
                    return
                self._answers.put(answer if isinstance(answer, dict) or answer is None else {})
                if content is None:
                    return

    def _read_output(self, pipe: IO[bytes]) -> None:
        with suppress(OSError, ValueError):
            while part := os.read(pipe.fileno(), 65536):
                self._output.extend(part[-_KEPT:])


def _started(target: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def _send(pipe: IO[bytes], content: bytes) -> None:
    with suppress(OSError, ValueError):  # it died: the answers say so
        write_frame(pipe, content)


def _last_lines(output: bytes) -> str:
    lines = [clean(line).strip() for line in output.decode(errors="replace").splitlines()]
    return " | ".join([line for line in lines if line][-_LINES:])
