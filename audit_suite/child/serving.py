"""Serve the judge: one job after the other, until its pipe is closed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import pickle
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any, BinaryIO

from audit_suite.cards import DatasetCard
from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, EvidenceStore
from audit_suite.evidence.executor import described
from audit_suite.evidence.processes.frames import read_frame, write_frame
from audit_suite.phantoms import register_shortcut
from audit_suite.pulse import beat, beating, listening
from audit_suite.registry import load_extensions

_HEAVY = "audit_suite.evidence.scores.compute"  # imported while the judge reads and collects
_known: set[str] = set()  # files of modules that were loaded
_REGISTER = "pytest_audit_register_shortcuts"


class _Answers:
    """The pipe to the judge; several threads may write."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, **answer: Any) -> None:
        content = json.dumps(answer, allow_nan=True).encode()
        with self._lock:
            write_frame(self._pipe, content)


class _Store(EvidenceStore):
    """The judge's store; who waits for another process's work is alive."""

    @contextmanager
    def claim(self, name: str, wait: bool) -> Iterator[bool]:
        with beating():
            claimed = super().claim(name, wait)
            granted = claimed.__enter__()
        try:
            yield granted
        finally:
            claimed.__exit__(None, None, None)


class _Source(EvidenceSource):
    """The judge's source; who reads a data set is alive."""

    def dataset(self, card: DatasetCard) -> Dataset:
        with beating():
            return super().dataset(card)


def serve(jobs: BinaryIO, answers: BinaryIO, confined: bool) -> None:
    """Do the jobs that the judge sends.

    A job is pickled: the judge's ``sys.path``; modules by name and file that must be known; and,
    pickled again, a function, its arguments and the settings of the evidence source.

    Args:
        jobs: The judge's end writes frames.
        answers: Frames of JSON: progress, signs of life, and one result or error per job.
        confined: Whether the network is cut.
    """
    importlib.import_module(_HEAVY)
    warnings.simplefilter("ignore")  # output is the last word of a process that dies
    logging.getLogger().addHandler(logging.NullHandler())
    reply = _Answers(answers)
    reply.send(network=confined)
    sources: dict[Any, EvidenceSource] = {}
    while (content := read_frame(jobs, most=1 << 40)) is not None:
        try:
            with listening(lambda passes: reply.send(alive=True, passes=passes)):
                result = _do(content, sources, reply)
            reply.send(result=result)
        except AuditError as error:
            reply.send(error=[error.what, error.remedy])
        except BaseException as error:
            reply.send(raised=described(error))


def _do(content: bytes, sources: dict[Any, EvidenceSource], reply: _Answers) -> Any:
    path, modules, inner = pickle.loads(content)  # noqa: S301 - the judge's own
    sys.path[:] = path
    load_extensions()
    for name, file in modules:
        _know(name, file)
    try:
        function, arguments, settings = pickle.loads(inner)  # noqa: S301
    except (ImportError, AttributeError) as error:
        raise AuditError(
            f"what an extension defines is not known in the process that runs the model: {error}",
            "define it in a module, or audit with --audit-executor inline",
        ) from None
    if settings not in sources:
        root, profile, max_cases, explaining = settings
        sources[settings] = _Source(
            _Store(root), profile, max_cases=max_cases, explaining=explaining
        )

    def say(line: str) -> None:
        reply.send(said=line)
        beat()

    return resolve_name(function)(sources[settings], say, *arguments)


def _know(name: str, file: str) -> None:
    """Load a module that registers something, under the name that it has in the judge."""
    if file in _known:
        return
    _known.add(file)
    script = name == "__main__"  # loaded by another name, so that it does not start an audit again
    spec = None if script else _spec(name)
    if spec is None or spec.origin is None or os.path.realpath(spec.origin) != file:
        spec = importlib.util.spec_from_file_location("__audit__" if script else name, file)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        _known.discard(file)
        raise AuditError(
            f"{file} registers an extension, but cannot be imported in the process that runs the "
            f"model: {described(error)}",
            "move what it registers to a module of its own, or audit with --audit-executor inline",
        ) from None
    register = getattr(module, _REGISTER, None)
    if register is not None:
        register(register=register_shortcut)


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
