"""Images and regions as a model's input has them, for pictures and outlines of the judge.

Resizing needs torch, so the executor does it: without a model, in a process of its own.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, InputSpec
from audit_suite.datasets import BadImage
from audit_suite.evidence.source import EvidenceSource, Progress

_HERE = "audit_suite.evidence.at_input"


def image_at_input(
    source: EvidenceSource, card: DatasetCard, index: int, spec: InputSpec
) -> NDArray[np.float32] | None:
    """One image at the size and channels of a model's input, before it is masked.

    Args:
        source: Data sets by card.
        card: The data set's card.
        index: The image.
        spec: The model's input.

    Returns:
        Shape (C, H, W), in [0, 1]; None if the image cannot be read.

    Raises:
        AuditError: If the data set cannot be read.
    """
    image = source.call(f"{_HERE}:fit_image", card, index, spec)
    return None if image is None else _array(image, np.float32)


def region_at_input(
    source: EvidenceSource, region: NDArray[np.bool_], spec: InputSpec
) -> NDArray[np.bool_]:
    """A region of an image at the size of a model's input, shape (H, W)."""
    fitted = source.call(f"{_HERE}:fit_region", region, spec)
    return _array(fitted, np.uint8).astype(np.bool_)


def fit_image(
    source: EvidenceSource, _say: Progress, card: DatasetCard, index: int, spec: InputSpec
) -> dict[str, Any] | None:
    """Run by the executor: `image_at_input` as plain values."""
    from audit_suite.models.preprocessing import fit_geometry

    try:
        image, _ = fit_geometry(source.dataset(card).read(index).image, {}, spec)
    except BadImage:
        return None
    return _plain(image)


def fit_region(
    _source: EvidenceSource, _say: Progress, region: NDArray[np.bool_], spec: InputSpec
) -> dict[str, Any]:
    """Run by the executor: `region_at_input` as plain values."""
    from audit_suite.models.preprocessing import fit_geometry

    _, regions = fit_geometry(region.astype(np.uint8), {"region": region}, spec)
    return _plain(regions["region"].astype(np.uint8))


def _plain(array: NDArray[Any]) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"shape": list(array.shape), "data": data}


def _array(plain: dict[str, Any], kind: type[Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(plain["data"]), kind).reshape(plain["shape"])
