"""Does the audit prepare images exactly as the release pipeline does? (O3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from audit_suite.cards import InputSpec, ModelCard, ParitySpec
from audit_suite.datasets.images import read_image
from audit_suite.errors import AuditError
from audit_suite.models.alternatives import closest_readings
from audit_suite.models.preprocessing import model_input

Arrays = Mapping[str, NDArray[Any]]
Golden = tuple[Path, NDArray[Any], NDArray[Any]]
"""A file, its image, and the array that the release pipeline makes of it, shape (C, h, w)."""

_CLEARLY = 0.5  # of the card's mean difference, at most, is left by a reading that is worth naming


def preprocessing_difference(
    _source: object, _say: object, card: ModelCard, spec: ParitySpec
) -> tuple[float, str]:
    """Largest absolute difference between the audit's input and the release pipeline's.

    It needs torch, but no model: `EvidenceSource.call` runs it.

    Args:
        card: The model's card, whose ``input`` section is tested.
        spec: Golden images, and the arrays that the release pipeline made of them.

    Returns:
        The largest over all images and pixels, in the model's input units; and what the card could
        say instead, if that is above the tolerance.

    Raises:
        AuditError: If a file is missing or unreadable, or an array has another shape.
    """
    golden = read_golden(card, spec)
    largest = difference(golden, card.input)
    advice = "" if largest <= spec.tolerance else advise(golden, card.input)
    return largest, advice


def difference(golden: Sequence[Golden], spec: InputSpec) -> float:
    """The largest absolute difference over all images and pixels, in the model's input units."""
    return max(float(_gap(each, spec).max()) for each in golden)


def advise(golden: Sequence[Golden], spec: InputSpec) -> str:
    """Which other reading of a card comes clearly closer to the release pipeline, in words."""
    mean = float(np.mean([_gap(each, spec).mean() for each in golden]))
    if spec.function:
        return "correct 'input.function'"
    best = closest_readings([(image, theirs) for _, image, theirs in golden], spec)[0]
    if best.mean > _CLEARLY * mean:
        return "no other reading of 'input' that was tried comes clearly closer"
    return f"with {best.words} under 'input' it would be {best.largest:.2g}"


def read_golden(card: ModelCard, spec: ParitySpec) -> list[Golden]:
    """The golden images of a card, and what the release pipeline made of them.

    Raises:
        AuditError: If a file is missing or unreadable, or an array has another shape.
    """
    expected = _expected(card, spec)
    golden = []
    for name in spec.images:
        image = _image(card, name)
        theirs = _array(card, spec, expected, name)
        shape = (card.input.channels, *card.input.size)
        if theirs.shape != shape:
            raise AuditError(
                f"{card.path}: key 'parity.expected': the array of '{Path(name).name}' has shape "
                f"{theirs.shape}, the audit's input has {shape} (channels, height, width)",
                "save the release pipeline's tensor for one image, without the batch dimension",
            )
        if not np.isfinite(theirs).all():
            raise AuditError(
                f"{card.path}: key 'parity.expected': the array of '{Path(name).name}' is not "
                f"finite",
                "check the release pipeline's output",
            )
        golden.append((card.resolve(name), image, theirs.astype(np.float64)))
    return golden


def _gap(golden: Golden, spec: InputSpec) -> NDArray[np.float64]:
    file, image, theirs = golden
    return np.abs(model_input(image, spec, file).astype(np.float64) - theirs)


def _image(card: ModelCard, name: str) -> NDArray[Any]:
    path = card.resolve(name)
    try:
        return read_image(path)
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{card.path}: key 'parity.images': {path} {error}", "correct the path or the file"
        ) from None


def _expected(card: ModelCard, spec: ParitySpec) -> Arrays:
    path = card.resolve(spec.expected)
    try:
        arrays: Arrays = load_file(path)
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a type numpy lacks
        raise AuditError(
            f"{card.path}: key 'parity.expected': {path} cannot be read: {error}",
            "save one array per image, named by the image's file, with safetensors",
        ) from None
    return arrays


def _array(card: ModelCard, spec: ParitySpec, arrays: Arrays, name: str) -> NDArray[Any]:
    for key in (name, Path(name).name):
        if key in arrays:
            return arrays[key]
    raise AuditError(
        f"{card.path}: key 'parity.expected': {spec.expected} holds no array for '{name}'",
        f"it holds: {', '.join(sorted(arrays)[:8])}",
    )
