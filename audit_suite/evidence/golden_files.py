"""Does the audit prepare images exactly as the release pipeline does? (O3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from audit_suite.cards import ModelCard, ParitySpec
from audit_suite.datasets.images import read_image
from audit_suite.errors import AuditError
from audit_suite.models.preprocessing import fit_geometry, normalise

Arrays = Mapping[str, NDArray[Any]]


def preprocessing_difference(
    _source: object, _say: object, card: ModelCard, spec: ParitySpec
) -> float:
    """Largest absolute difference between the audit's input and the release pipeline's.

    It needs torch, but no model: `EvidenceSource.call` runs it.

    Args:
        card: The model's card, whose ``input`` section is tested.
        spec: Golden images, and the arrays that the release pipeline made of them.

    Returns:
        The largest difference over all images and pixels, in the model's input units.

    Raises:
        AuditError: If a file is missing or unreadable, or an array has another shape.
    """
    expected = _expected(card, spec)
    largest = 0.0
    for name in spec.images:
        path = card.resolve(name)
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            raise AuditError(
                f"{card.path}: key 'parity.images': {path} {error}", "correct the path or the file"
            ) from None
        fitted, _ = fit_geometry(image, {}, card.input)
        mine = normalise(torch.from_numpy(fitted)[None], card.input)[0].numpy()
        theirs = _array(card, spec, expected, name)
        if theirs.shape != mine.shape:
            raise AuditError(
                f"{card.path}: key 'parity.expected': the array of '{Path(name).name}' has shape "
                f"{theirs.shape}, the audit's input has {mine.shape} (channels, height, width)",
                "save the release pipeline's tensor for one image, without the batch dimension",
            )
        gap = np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max()
        if not np.isfinite(gap):
            raise AuditError(
                f"{card.path}: key 'parity.expected': the array of '{Path(name).name}' is not "
                f"finite",
                "check the release pipeline's output",
            )
        largest = max(largest, float(gap))
    return largest


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
