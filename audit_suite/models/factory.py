"""Factories named in a card: `torchvision:NAME`, `package.module:function`, `file.py:function`."""

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

if TYPE_CHECKING:
    from torch import nn

_TORCHVISION = "torchvision"
FILE_MODULE = "audit_model_"  # starts the name of a file's module; the rest differs by machine
_KNOWN = (
    _TORCHVISION,
    "audit_suite.models.small_cnn",
)  # no function of these runs what it is given


def factory_code(card: ModelCard) -> str:
    """The function that the key ``architecture`` runs; empty for networks that ship with a release.

    Any other function counts as code, also one of an installed package: ``os:system`` is one.
    """
    name = card.architecture or ""
    return "" if name.partition(":")[0] in _KNOWN else name


def call_factory(card: ModelCard, **more: Any) -> nn.Module:
    """Call the card's factory with the card's arguments.

    Args:
        card: Names the factory under ``architecture``.
        **more: Further arguments.

    Raises:
        AuditError: If there is no such factory, or it raises or does not return a module.
    """
    from torch import nn

    assert card.architecture is not None, "the card's validation guarantees it"
    factory = _find(card, card.architecture)
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


def _find(card: ModelCard, name: str) -> Callable[..., Any]:
    module, colon, function = name.partition(":")
    if not colon or not function:
        raise _unknown(card, f"'{name}' does not name a function")
    if module == _TORCHVISION:
        from torchvision.models import get_model_builder, list_models

        if function not in list_models():
            raise _unknown(card, f"torchvision has no model '{function}'")
        builder: Callable[..., Any] = get_model_builder(function)
        return lambda **arguments: builder(weights=None, **arguments)
    loaded = _import(card, module)
    factory = getattr(loaded, function, None)
    if not callable(factory):
        known = [n for n, f in vars(loaded).items() if inspect.isfunction(f)]
        raise _unknown(card, f"{module} has no function '{function}' (it has: {', '.join(known)})")
    return factory  # type: ignore[no-any-return]  # callable, as just checked


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
    """The name under which the module of the card's factory is imported; empty for torchvision."""
    module = (card.architecture or "").partition(":")[0]
    if module.endswith(".py"):
        return _file_module(_existing(card, module))
    return "" if module == _TORCHVISION else module


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
        "write torchvision:NAME, package.module:function, or file.py:function relative to the card",
    )
