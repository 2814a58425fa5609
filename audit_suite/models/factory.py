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
    except Exception as error:
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


def source_file(card: ModelCard, name: str) -> Path | None:
    """The Python file that a factory is written in; None for torchvision's.

    Raises:
        AuditError: If the file or the module does not exist.
    """
    module, _, _ = name.partition(":")
    if module == _TORCHVISION:
        return None
    if module.endswith(".py"):
        return _existing(card, module)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise _unknown(card, f"there is no module '{module}'")
    return Path(spec.origin)


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
    loaded = (
        _load_file(_existing(card, module)) if module.endswith(".py") else _import(card, module)
    )
    factory = getattr(loaded, function, None)
    if not callable(factory):
        known = [n for n, f in vars(loaded).items() if inspect.isfunction(f)]
        raise _unknown(card, f"{module} has no function '{function}' (it has: {', '.join(known)})")
    return factory  # type: ignore[no-any-return]  # callable, as just checked


def _import(card: ModelCard, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _unknown(card, f"'{module}' cannot be imported: {error}") from None


def _load_file(path: Path) -> ModuleType:
    name = f"audit_model_{path.stem}_{abs(hash(path))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    spec.loader.exec_module(module)
    return module


def _existing(card: ModelCard, module: str) -> Path:
    path = card.resolve(module)
    if not path.is_file():
        raise _unknown(card, f"{path} does not exist")
    return path


def _unknown(card: ModelCard, what: str) -> AuditError:
    return AuditError(
        f"{card.path}: key 'architecture': {what}",
        "write torchvision:NAME, package.module:function, or file.py:function relative to the card",
    )
