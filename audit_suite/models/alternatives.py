"""Other plausible readings of a card's input: what a pipeline may do where the card says another.

Each is one slip that people make: another resize, pixels found in another way, 12 bits taken for
16, a missing mean and standard deviation, another range of values, BGR.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from audit_suite.cards import InputSpec
from audit_suite.models.preprocessing import fit_geometry, normalise

_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_IMAGENET_GREY = {"mean": [0.449], "std": [0.226]}
_CAFFE = {"range": [0, 255], "mean": [103.939, 116.779, 123.68], "std": [1.0], "order": "bgr"}
_PLAIN = {"mean": [0.0], "std": [1.0]}
_DEEPEST, _BYTE = 16, 8  # bits

_Change = tuple[set[str], dict[str, Any]]  # keys that are dropped, keys that are written


@dataclass(frozen=True)
class Reading:
    """A reading of the card, and how far it is from the arrays of a release pipeline.

    Attributes:
        words: What to write into the card's input section, for example ``antialias = false``.
        spec: The section with these lines.
        largest: Largest absolute difference over all images and pixels, in the input's units.
        mean: Mean absolute difference.
    """

    words: str
    spec: InputSpec
    largest: float
    mean: float


def alternatives(
    spec: InputSpec, images: Sequence[NDArray[Any]] = ()
) -> list[tuple[str, InputSpec]]:
    """The readings of a card that differ from it by one slip.

    Args:
        spec: The card's input section.
        images: Some decoded images; their type and brightest pixel tell the depth of the data.

    Returns:
        For each the lines to write, and the section with these lines. None equals the card's; there
        are none for a card's own function.
    """
    if spec.function:
        return []
    changes = [*_before_masking(spec, images), *_after_masking(spec)]
    return _distinct(spec, (_changed(spec, change) for change in changes))


def closest_readings(
    shown: Sequence[tuple[NDArray[Any], NDArray[Any]]], spec: InputSpec
) -> list[Reading]:
    """Which readings of a card come closest to what a release pipeline makes of some images.

    Tried are single slips and pairs of one in geometry or scale and one in the intensities; then
    once more, from the closest of these.

    Args:
        shown: Decoded images, and the arrays that the pipeline made of them, shape (C, h, w).
        spec: The card's input section.

    Returns:
        Readings other than the card's, the closest first; of equally close ones that with the
        fewest changes.
    """
    images = [image for image, _ in shown]
    first = _measured(shown, spec, _pairs(spec, images))
    more = alternatives(first[0].spec, images)
    return _ranked({*first, *_measured(shown, spec, [other for _, other in more])})


def _pairs(spec: InputSpec, images: Sequence[NDArray[Any]]) -> list[InputSpec]:
    bases = [spec, *(_changed(spec, change) for change in _before_masking(spec, images))]
    both = [
        other
        for base in bases
        if base is not None
        for other in (base, *(_changed(base, change) for change in _after_masking(base)))
    ]
    return [other for _, other in _distinct(spec, both)]


def _measured(
    shown: Sequence[tuple[NDArray[Any], NDArray[Any]]], card: InputSpec, specs: list[InputSpec]
) -> list[Reading]:
    fitted: dict[str, list[NDArray[np.float32]]] = {}
    readings = []
    for spec in specs:
        key = json.dumps(spec.before_masking())
        if key not in fitted:
            fitted[key] = [fit_geometry(image, {}, spec)[0] for image, _ in shown]
        gaps = [
            np.abs(normalise(torch.from_numpy(mine)[None], spec)[0].numpy() - theirs)
            for mine, (_, theirs) in zip(fitted[key], shown, strict=True)
        ]
        largest, mean = max(float(gap.max()) for gap in gaps), float(np.mean(gaps))
        if spec != card:
            readings.append(Reading(_lines(card, spec), spec, largest, mean))
    return _ranked(readings)


def _ranked(readings: Any) -> list[Reading]:
    best: float = min((reading.mean for reading in readings), default=0.0)

    def rank(reading: Reading) -> tuple[float, int, str]:
        close = reading.mean - best <= max(1e-6, 0.01 * best)  # rounding decides no rank
        return (best if close else reading.mean), reading.words.count(" = "), reading.words

    return sorted(readings, key=rank)


def _before_masking(spec: InputSpec, images: Sequence[NDArray[Any]]) -> Iterator[_Change]:
    short = round(max(spec.size) * 256 / 224)  # the customary proportion
    for resize in ("pad", "stretch", "crop"):
        yield {"resize", "resize_to", "pad_at"}, {"resize": resize}
    yield {"pad_at"}, {"resize": "short-side", "resize_to": short}
    pixels = {"interpolation", "antialias"}
    for name in ("bilinear", "bicubic"):
        yield pixels, {"interpolation": name}
        yield pixels, {"interpolation": name, "antialias": False}
    for name in ("nearest", "nearest-floor", "area"):
        yield pixels, {"interpolation": name}
    scaling = {"scale", "stored_range", "percentiles", "scale_on", "clahe"}
    for scale in ("unit", "image_max", "min_max"):
        yield scaling, {"scale": scale}
    yield scaling, {"scale": "percentile", "percentiles": [1, 99]}
    if bits := _bits(images):
        yield scaling, {"stored_range": [0, 2**bits - 1]}
    yield scaling, {"scale": "z_score", "range": [-10, 10], **_PLAIN}


def _after_masking(spec: InputSpec) -> Iterator[_Change]:
    if spec.scale == "z_score":
        return
    shades = {"range", "mean", "std", "order"}
    yield shades, _PLAIN
    yield shades, _IMAGENET if spec.channels != 1 else _IMAGENET_GREY
    for values in ([-1, 1], [0, 255], [-1024, 1024]):
        yield shades, {"range": values, **_PLAIN}
    if spec.channels != 1:
        yield shades, _CAFFE
        yield set(), {"order": "rgb" if spec.order == "bgr" else "bgr"}


def _bits(images: Sequence[NDArray[Any]]) -> int:
    """Bits that 16-bit images use, 9 to 15; 0 if they use all, or have no 16 bits."""
    deep = [int(image.max()) for image in images if image.dtype == np.uint16]
    bits = max(deep, default=0).bit_length()
    return bits if _BYTE < bits < _DEEPEST else 0


def _changed(spec: InputSpec, change: _Change) -> InputSpec | None:
    dropped, written = change
    kept = {k: v for k, v in spec.model_dump(mode="json").items() if k not in dropped}
    try:
        return InputSpec.model_validate(kept | written)
    except ValidationError:  # it does not go together with what the card says besides
        return None


def _distinct(
    spec: InputSpec, others: Iterator[InputSpec | None] | list[InputSpec | None]
) -> list[tuple[str, InputSpec]]:
    by_lines = {
        _lines(spec, other): other for other in others if other is not None and other != spec
    }
    return list(by_lines.items())


def _lines(card: InputSpec, other: InputSpec) -> str:
    """The lines that turn one section into the other."""
    before, after = (each.model_dump(mode="json") for each in (card, other))
    after = dict.fromkeys(before) | after  # what is left out has its default: antialias = true
    changed = {k: getattr(other, k) for k, value in after.items() if before.get(k) != value}
    return " and ".join(
        f"no {key}" if value is None else f"{key} = {json.dumps(value)}"
        for key, value in changed.items()
    )
