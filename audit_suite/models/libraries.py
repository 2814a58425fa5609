"""Networks that libraries ship, by name: what builds them, and which arguments are only numbers.

A card names one as ``LIBRARY:NAME``. None of these functions runs what it is given or reaches the
network, as long as its arguments are numbers and plain words, and none asks for weights.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from audit_suite.errors import AuditError

Builder = Callable[..., Any]

_WORD = re.compile(r"[A-Za-z0-9_+.-]{1,40}")  # no path, no address, no name of a function
_FETCHES = re.compile(r"pretrained|checkpoint|cache|url|^weights")


def _torchvision(name: str) -> Builder | None:
    from torchvision.models import get_model_builder, list_models

    if name not in list_models():
        return None
    builder: Builder = get_model_builder(name)
    return lambda **arguments: builder(weights=None, **arguments)


def _timm(name: str) -> Builder | None:
    import timm

    if name not in timm.list_models():  # also "hf-hub:..." is none of these
        return None
    return lambda **arguments: timm.create_model(name, pretrained=False, **arguments)


def _monai(name: str) -> Builder | None:
    from monai.networks import nets
    from torch import nn

    network = getattr(nets, name, None)
    if not callable(network) or not str(network.__module__).startswith(nets.__name__):
        return None
    takes = inspect.signature(network).parameters
    if isinstance(network, type):
        if not issubclass(network, nn.Module):
            return None
    elif "pretrained" not in takes or name.startswith(("get_", "load_")):
        return None
    return partial(network, pretrained=False) if "pretrained" in takes else network


def _torchxrayvision(name: str) -> Builder | None:
    from torchxrayvision import models

    return models.DenseNet if name == "DenseNet" else None  # others fetch weights


LIBRARIES: Mapping[str, tuple[str, Callable[[str], Builder | None]]] = {
    "torchvision": ("", _torchvision),
    "timm": ("timm", _timm),
    "monai": ("monai", _monai),
    "torchxrayvision": ("torchxrayvision", _torchxrayvision),
}
"""What each library is installed with (an extra, or empty), and its networks by name."""


def builder(library: str, name: str) -> Builder | None:
    """The function that builds a library's network; None if it has none of that name.

    Raises:
        AuditError: If the library is not installed.
    """
    extra, find = LIBRARIES[library]
    with needing(library, extra):
        return find(name)


@contextmanager
def needing(library: str, extra: str) -> Iterator[None]:
    """Turn a missing library inside into an error that says how to install it.

    Raises:
        AuditError: In place of an ImportError.
    """
    try:
        yield
    except ImportError as error:
        raise AuditError(
            f"the library {library} cannot be imported: {error}",
            f'install it: pip install "audit-suite[{extra}]"',
        ) from None


def asks_for_weights(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments by which a library's function fetches weights, unless they are switched off."""
    return [name for name, value in arguments.items() if value and _FETCHES.search(name.lower())]


def odd_arguments(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments that are more than numbers and plain words."""
    return [name for name, value in arguments.items() if not all(map(_is_plain, _values(value)))]


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (str(key), *_values(each))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(each)
    else:
        yield value


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float) or bool(_WORD.fullmatch(str(value)))
