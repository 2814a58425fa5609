"""Factories named in a card: `LIBRARY:NAME`, `package.module:function`, `file.py:function`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.libraries import LIBRARIES, asks_for_weights, builder, odd_arguments

if TYPE_CHECKING:
    from torch import nn

FILE_MODULE = "audit_model_"  # starts the name of a file's module; the rest differs by machine
_KNOWN = (*LIBRARIES, "audit_suite.models.small_cnn")
"""No function of these runs what it is given, as long as it is given numbers and plain words."""


def factory_code(card: ModelCard) -> str:
    """The function that the key ``architecture`` runs; empty for networks that ship with a release.

    Any other function counts as code, also one of an installed package: ``os:system`` is one.
    """
    name = card.architecture or ""
    if name.partition(":")[0] not in _KNOWN:
        return name
    odd = odd_arguments(card.arguments)
    return f"{name} with the arguments {', '.join(odd)}" if odd else ""


def call_factory(card: ModelCard, **more: Any) -> nn.Module:
    """Call the card's factory with the card's arguments.

    Args:
        card: Names the factory under ``architecture``.
        **more: Further arguments.

    Raises:
        AuditError: If there is no such factory, or it raises or does not return a module.
    """
    from torch import nn

    factory = find_factory(card)
    try:
        module = factory(**card.arguments, **more)
    except (Exception, SystemExit) as error:
        raise AuditError(
            f"{card.path}: key 'architecture': '{card.architecture}' called with the arguments "
            f"{sorted({**card.arguments, **more})} raised {type(error).__name__}: {error}",
            "correct the key 'arguments', or the factory",
        ) from error
    if not isinstance(module, nn.Module):
        raise AuditError(
            f"{card.path}: key 'architecture': '{card.architecture}' returned "
            f"{type(module).__name__}, not a torch.nn.Module",
            "wrap the function in a module: scores of shape (batch, targets) from `forward`",
        )
    return module


def find_factory(card: ModelCard) -> Callable[..., Any]:
    """The function that the card names under ``architecture``.

    Raises:
        AuditError: If there is no such function, or its library is not installed.
    """
    assert card.architecture is not None, "the card's validation guarantees it"
    module, colon, function = card.architecture.partition(":")
    if not colon or not function:
        raise _unknown(card, f"'{card.architecture}' does not name a function")
    if module in LIBRARIES:
        return _shipped(card, module, function)
    loaded = _import(card, module)
    factory = getattr(loaded, function, None)
    if not callable(factory):
        known = [n for n, f in vars(loaded).items() if inspect.isfunction(f)]
        raise _unknown(card, f"{module} has no function '{function}' (it has: {', '.join(known)})")
    return factory  # type: ignore[no-any-return]  # callable, as just checked


def _shipped(card: ModelCard, library: str, name: str) -> Callable[..., Any]:
    if asking := asks_for_weights(card.arguments):
        raise AuditError(
            f"{card.path}: key 'arguments.{asking[0]}': an audit fetches no weights",
            "leave it out, and name the file of the weights under 'weights'",
        )
    constructor = builder(library, name)
    if constructor is None:
        raise _unknown(card, f"{library} has no model '{name}'")
    return constructor


def _import(card: ModelCard, module: str) -> ModuleType:
    try:
        if module.endswith(".py"):
            return load_file(_existing(card, module))
        return importlib.import_module(module)
    except AuditError:
        raise
    except (Exception, SystemExit) as error:
        raise _unknown(
            card, f"'{module}' cannot be imported: {type(error).__name__}: {error}"
        ) from error


def load_file(path: Path) -> ModuleType:
    """Import a Python file by its path; runs it."""
    name = _file_module(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    spec.loader.exec_module(module)
    return module


def _file_module(path: Path) -> str:
    return f"{FILE_MODULE}{path.stem}_{abs(hash(path))}"


def _existing(card: ModelCard, module: str) -> Path:
    path = card.resolve(module)
    if not path.is_file():
        raise _unknown(card, f"{path} does not exist")
    return path


def module_name(card: ModelCard) -> str:
    """The name under which the factory's module is imported; empty for a library's network."""
    module = (card.architecture or "").partition(":")[0]
    if module.endswith(".py"):
        return _file_module(_existing(card, module))
    return "" if module in LIBRARIES else module


def check_file(card: ModelCard) -> None:
    """Check that the Python file of a factory exists, without importing it.

    Raises:
        AuditError: If it does not exist.
    """
    module = (card.architecture or "").partition(":")[0]
    if module.endswith(".py"):
        _existing(card, module)


def _unknown(card: ModelCard, what: str) -> AuditError:
    return AuditError(
        f"{card.path}: key 'architecture': {what}",
        "write torchvision:NAME (or timm, monai, torchxrayvision), package.module:function, or "
        "file.py:function relative to the card",
    )
