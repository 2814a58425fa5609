"""Images and regions as a model's input has them, for pictures and outlines of the judge.

Resizing needs torch, so the executor does it: without a model, in a process of its own. A card's
own preprocessing is code, and runs where the card's model does.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Base64Bytes, TypeAdapter

from audit_suite.cards import DatasetCard, InputSpec, ModelCard
from audit_suite.datasets import BadImage
from audit_suite.errors import AuditError
from audit_suite.evidence.breakdown import checked
from audit_suite.evidence.pixels import sample_of
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.record import Box

_HERE = "audit_suite.evidence.at_input"


def image_at_input(
    source: EvidenceSource, model: ModelCard, card: DatasetCard, index: int
) -> NDArray[np.float32] | None:
    """One image at the size and channels of a model's input, before it is masked.

    Args:
        source: Data sets by card.
        model: The model's card.
        card: The data set's card.
        index: The image.

    Returns:
        Shape (C, H, W), in [0, 1]; None if the image cannot be read.

    Raises:
        AuditError: If the data set cannot be read, or the card's own preprocessing fails.
    """
    image = source.call(f"{_HERE}:fit_image", card, index, model.input, of=_code(model))
    shape = (model.input.channels, *model.input.size)
    return None if image is None else _array(image, np.float32, shape)


def region_at_input(
    source: EvidenceSource, region: NDArray[np.bool_], model: ModelCard
) -> NDArray[np.bool_]:
    """A region of an image at the size of a model's input, shape (H, W)."""
    fitted = source.call(f"{_HERE}:fit_region", region, model.input, of=_code(model))
    return _array(fitted, np.uint8, model.input.size).astype(np.bool_)


def box_in_file(
    source: EvidenceSource, model: ModelCard, card: DatasetCard, index: int, box: Box
) -> Box | None:
    """A box at a model's input in pixels of an image's file.

    Args:
        source: Data sets by card.
        model: The model's card.
        card: The data set's card.
        index: The image.
        box: (x0, y0, x1, y1), x1 and y1 open.

    Returns:
        The same in the file; None if the box shows nothing of it, or the image cannot be read.
    """
    answer = source.call(f"{_HERE}:place_in_file", card, index, model.input, box, of=_code(model))
    return checked(_BOX, answer)


def place_in_file(
    source: EvidenceSource, _say: Progress, card: DatasetCard, index: int, spec: InputSpec, box: Box
) -> Box | None:
    """Run by the executor: `box_in_file`.

    Each bit of the number of a row or column is brought to the input as a mask is, so that every
    way of resizing is followed, a card's own too.
    """
    from audit_suite.models.preprocessing import fit_mask

    try:
        height, width = source.dataset(card).read(index).image.shape[:2]
    except BadImage:
        return None
    x0, y0, x1, y1 = box
    shown = fit_mask(np.ones((height, width), np.bool_), spec)[y0:y1, x0:x1]
    if not shown.any():
        return None
    ends = []
    for numbers in np.indices((height, width)):
        at_input = np.zeros(shown.shape, np.int64)
        for bit in range(int(numbers.max()).bit_length()):
            at_input += fit_mask(numbers >> bit & 1 == 1, spec)[y0:y1, x0:x1].astype(int) << bit
        ends.append((int(at_input[shown].min()), int(at_input[shown].max()) + 1))
    (top, bottom), (left, right) = ends
    return left, top, right, bottom


def fit_image(
    source: EvidenceSource, _say: Progress, card: DatasetCard, index: int, spec: InputSpec
) -> str | None:
    """Run by the executor: `image_at_input` as text."""
    from audit_suite.models.preprocessing import fit_geometry

    try:
        sample = sample_of(source.dataset(card), index, spec)
        image, _ = fit_geometry(sample.image, {}, spec, sample.file)
    except BadImage:
        return None
    return _plain(image)


def fit_region(
    _source: EvidenceSource, _say: Progress, region: NDArray[np.bool_], spec: InputSpec
) -> str:
    """Run by the executor: `region_at_input` as text."""
    from audit_suite.models.preprocessing import fit_mask

    return _plain(fit_mask(region, spec).astype(np.uint8))


def _code(model: ModelCard) -> tuple[ModelCard, ...]:
    """The model whose process has to do it: none, unless its card brings code for that."""
    return (model,) if model.input.function else ()


def _plain(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


_BYTES = TypeAdapter(Base64Bytes)
_BOX = TypeAdapter(Box | None)


def _array(plain: Any, kind: type[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    flat = np.frombuffer(checked(_BYTES, plain), np.uint8)
    if flat.size != np.prod(shape) * np.dtype(kind).itemsize:
        raise AuditError("the process that prepares images gave one of another size", "try again")
    array: NDArray[Any] = flat.view(kind).reshape(shape)
    return array
