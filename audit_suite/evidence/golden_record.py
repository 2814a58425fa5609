"""Record what a release pipeline makes of some images: the golden files of O3."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from audit_suite.cards import InputSpec, ModelCard, ParitySpec
from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.models.factory import load_file
from audit_suite.models.own_input import plain_array

_LEVELS, _ROUNDING = 255, 1.02  # grey levels of 8 bits; what single precision adds


def record(card: ModelCard, images: Sequence[Path], function: str, out: Path) -> ParitySpec:
    """Run a release pipeline on images and write its arrays to a safetensors file.

    Args:
        card: The model's card.
        images: Image files.
        function: ``file.py:name`` or ``package.module:name``: takes the path of an image as text
            and returns the array that enters the model, of shape (C, H, W) or (H, W, C), with or
            without a batch dimension of 1. It runs in this process.
        out: The file to write.

    Returns:
        The table ``parity`` for the card, its paths relative to the card. Its tolerance is one grey
        level of 8 bits: pipelines that resize with PIL round that much.

    Raises:
        AuditError: If an image does not exist, there is no such function, it raises, or what it
            returns is not finite or cannot enter the model; nothing is written.
    """
    if missing := next((path for path in images if not path.is_file()), None):
        raise AuditError(f"--images: {missing} does not exist", "correct the path")
    prepare = _find(function)
    names = [os.path.relpath(path.resolve(), card.path.parent) for path in images]
    arrays = {
        name: _array(prepare, path, card.input, function)
        for name, path in zip(names, images, strict=True)
    }
    write_whole(out, save(arrays))
    expected = os.path.relpath(out.resolve(), card.path.parent)
    return ParitySpec(images=tuple(names), expected=expected, tolerance=_grey_level(card.input))


def _grey_level(spec: InputSpec) -> float:
    low, high = spec.range
    return float(f"{_ROUNDING * (high - low) / min(spec.std) / _LEVELS:.2g}")


def _find(name: str) -> Callable[[str], Any]:
    module, _, function = name.rpartition(":")
    try:
        if not module.endswith(".py"):
            loaded = importlib.import_module(module)
        elif Path(module).is_file():
            loaded = load_file(Path(module).resolve())
        else:
            raise AuditError(f"--function: {module} does not exist", "correct the path")
    except AuditError:
        raise
    except (Exception, SystemExit) as error:
        raise AuditError(
            f"--function: '{name}' cannot be imported: {type(error).__name__}: {error}",
            "write my_pipeline.py:preprocess or package.module:preprocess",
        ) from error
    member = getattr(loaded, function, None)
    if not callable(member):
        raise AuditError(
            f"--function: {module} has no function '{function}'",
            "name the function that takes a path and returns the model's input",
        )
    return member  # type: ignore[no-any-return]  # callable, as just checked


def _array(
    prepare: Callable[[str], Any], path: Path, spec: InputSpec, function: str
) -> NDArray[np.float32]:
    try:
        array = plain_array(prepare(str(path)), spec)
    except (Exception, SystemExit) as error:
        raise AuditError(
            f"--function: '{function}' on {path} raised {type(error).__name__}: {error}",
            "it takes the path of an image and returns the array that enters the model",
        ) from error
    shape = (spec.channels, *spec.size)
    if array.shape != shape:
        raise AuditError(
            f"--function: '{function}' returned shape {array.shape} for {path}, the card's input "
            f"has {shape} (channels, height, width)",
            "correct 'input.size' and 'input.channels' of the card, or the function",
        )
    if not np.isfinite(array).all():
        raise AuditError(
            f"--function: '{function}' returned numbers for {path} that are not finite",
            "correct the function",
        )
    return array
