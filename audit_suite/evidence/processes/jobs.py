"""Jobs for a model's process: which process does one, how it is passed on, and how it is done."""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
from collections.abc import Callable, Hashable
from pkgutil import resolve_name
from typing import Any

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Say, described
from audit_suite.evidence.processes.surroundings import brought_modules
from audit_suite.evidence.twin import Twin
from audit_suite.models.vetting import code_of
from audit_suite.phantoms import register_shortcut
from audit_suite.registry import load_extensions

NO_CODE = "models that bring no code"
"""The place of work that runs no code but ours: models that bring none, and pictures."""
_REGISTER = "pytest_audit_register_shortcuts"
_known: set[str] = set()  # files of modules that were loaded


def place_of(card: ModelCard) -> Hashable:
    """Which process a model needs: one for each factory, and for each card that names none.

    Models of one factory run the same code, and share the work on the images that they are shown; a
    process of its own would not protect them from each other. Neither would it those that bring
    weights alone, which share one with shipped code.
    """
    if card.input.function:
        return str(card.path)
    if card.architecture is None:
        return str(card.path) if code_of(card) else NO_CODE
    module, _, _ = card.architecture.partition(":")
    if module.partition(".")[0] == "audit_suite" or not code_of(card):
        return NO_CODE
    where = str(card.resolve(module)) if module.endswith(".py") else module
    return card.loader, where


def packed(function: str, arguments: tuple[Any, ...], twin: Twin) -> tuple[Any, ...]:
    """A job as plain values: the judge's ``sys.path``, modules to know, and the rest as bytes."""
    content = pickle.dumps((function, arguments, twin))
    return sys.path, brought_modules(_objects(arguments)), content


def perform(job: tuple[Any, ...], source_of: Callable[[Twin], Any], say: Say) -> Any:
    """Do a job that `packed` made.

    Args:
        job: The judge's own.
        source_of: Gives the source of evidence.
        say: Passed on to the function.

    Raises:
        AuditError: If what an extension defines is not known here, or the function raises it.
        Exception: Whatever else the function raises.
    """
    path, modules, content = job
    sys.path[:] = path
    load_extensions()
    for name, file in modules:
        _know(name, file)
    try:
        function, arguments, twin = pickle.loads(content)  # noqa: S301 - the judge's own
    except (ImportError, AttributeError) as error:
        raise AuditError(
            f"what an extension defines is not known in the process that runs the model: {error}",
            "define it in a module, or audit with --audit-executor inline",
        ) from None
    try:
        return resolve_name(function)(source_of(twin), say, *arguments)
    finally:
        _release()


def _release() -> None:
    """Give memory that is only kept for speed back to the card, which other processes use too."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _objects(arguments: tuple[Any, ...]) -> list[object]:
    """The arguments, and what is in those that are sequences."""
    return [
        each
        for argument in arguments
        for each in (argument if isinstance(argument, list | tuple) else [argument])
    ]


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
