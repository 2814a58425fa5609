"""A card's own functions for the way from an image file to the model's input (`input.function`).

They are code of the card, and run only where models run: `ModelCard` refuses them without trust.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec
from audit_suite.errors import AuditError
from audit_suite.models.factory import load_file

_ROUNDING = 1e-3  # share of the range by which single precision may leave it

_loaded: dict[Path, ModuleType] = {}


def own_image(spec: InputSpec, file: Path | None) -> NDArray[np.float32]:
    """What the card's function makes of an image file, with its range brought to [0, 1].

    Args:
        spec: The card's input section, with ``function``.
        file: The image file; None if the data set is made of none.

    Returns:
        Shape (C, h, w).

    Raises:
        AuditError: If there is no file, or the function cannot be imported, raises, or returns
            something else than an array of the input's shape within its range.
    """
    if file is None:
        raise AuditError(
            f"the key 'input.function': {spec.function} needs image files, this data set has none",
            "say with the other keys of 'input' how images are prepared",
        )
    name = f"'input.function': {spec.function}"
    array = plain_array(_call(spec, spec.function, str(file), name, hide=file), spec)
    if array.shape != (spec.channels, *spec.size):
        raise _wrong(
            f"{name} returned shape {array.shape}, not {(spec.channels, *spec.size)} (channels, "
            f"height, width)"
        )
    low, high = spec.range
    slack = _ROUNDING * (high - low)
    if not (array.min() >= low - slack and array.max() <= high + slack):  # also if not a number
        raise _wrong(
            f"{name} returned values from {array.min():g} to {array.max():g}, outside 'range' "
            f"{list(spec.range)}, the values of black and white"
        )
    return ((array - np.float32(low)) / np.float32(high - low)).clip(0, 1)


def own_mask(spec: InputSpec, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What the card's second function makes of a mask of the file's size: one of the input's.

    Raises:
        AuditError: If it cannot be imported, raises, or returns another shape.
    """
    name = f"'input.masks': {spec.masks}"
    fitted: NDArray[np.bool_] = np.asarray(_call(spec, spec.masks, mask.copy(), name), np.bool_)
    if fitted.shape != spec.size:
        raise _wrong(f"{name} returned shape {fitted.shape}, not {spec.size} (height, width)")
    return fitted


def own_modules(spec: InputSpec) -> list[str]:
    """The names of the modules that hold the card's functions, imported again as they are now.

    Raises:
        AuditError: If one does not exist or cannot be imported.
    """
    for path in spec.code():
        _loaded.pop(path, None)
    return [_module(path).__name__ for path in spec.code()]


def _call(
    spec: InputSpec, name: str | None, given: Any, what: str, hide: Path | None = None
) -> Any:
    assert name is not None
    function: Callable[[Any], Any] | None = getattr(
        _module(spec.located(name)), name.rpartition(":")[2], None
    )
    if not callable(function):
        raise _wrong(f"{what} does not exist in that file")
    try:
        return function(given)
    except (Exception, SystemExit) as error:
        text = _without(hide, str(error)) if hide else str(error)
        raise _wrong(f"{what} raised {type(error).__name__}: {text}") from None


def _without(file: Path, text: str) -> str:
    """A text in which no name of a file is left: it may be a patient's."""
    names = "|".join(re.escape(name) for name in (str(file), file.name, file.stem))
    return re.sub(rf"(?<!\w)({names})(?!\w)", "the image", text)


def _module(path: Path) -> ModuleType:
    if path not in _loaded:
        try:
            _loaded[path] = load_file(path)
        except (Exception, SystemExit) as error:
            raise _wrong(
                f"'input.function': {path.name} cannot be imported: {type(error).__name__}: {error}"
            ) from None
    return _loaded[path]


def plain_array(made: Any, spec: InputSpec) -> NDArray[np.float32]:
    """An array, tensor or list of numbers as (C, h, w) if its shape is one that people use.

    Args:
        made: Shape (C, h, w), (h, w, C) or, for one channel, (h, w); with or without a batch
            dimension of 1. Other shapes stay as they are.
        spec: The card's input section.
    """
    if hasattr(made, "detach"):
        made = made.detach().cpu().numpy()
    array = np.asarray(made, np.float32)
    shape = (spec.channels, *spec.size)
    if array.ndim == len(shape) + 1 and len(array) == 1:
        array = array[0]
    if array.shape == (*spec.size, spec.channels):
        array = array.transpose(2, 0, 1)
    if array.shape == spec.size and spec.channels == 1:
        array = array[None]
    return np.ascontiguousarray(array)


def _wrong(what: str) -> AuditError:
    return AuditError(f"the key {what}", "correct the function, or the card's 'input'")
