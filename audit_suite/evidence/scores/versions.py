"""What maskings hide of a batch, and which of them show the same pixels: counted, not compared.

The pixels within a distance of an area grow with the distance. So two distances hide the same
pixels of every image if they hide as many, and nothing needs to be brought to the host and hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.maskings.fill import Fill
from audit_suite.maskings.masking import Area, Masking
from audit_suite.maskings.show import hidden_pixels, region_pixels
from audit_suite.registry import FILLS

Counts = NDArray[np.int32]
Shares = NDArray[np.float32]


@dataclass(frozen=True)
class HiddenPart:
    """What a masking hides of the images of a batch.

    Attributes:
        share: Shape (B,), share of the frame, 0 to 1.
        covered: Shape (B,), share of the image's own region; 0 for images without one.
        version: Equal for maskings that show the same pixels of the whole batch, as two very large
            dilations do; empty for images as they are.
    """

    share: Shares
    covered: Shares
    version: str


def hidden_parts(
    maskings: Iterable[Masking], distances: Mapping[Area, Tensor], count: int
) -> dict[Masking, HiddenPart]:
    """Look at what each masking hides.

    Args:
        maskings: What will be shown.
        distances: `maskings.show.Batch.distances`, on the CPU.
        count: Images of the batch.
    """
    same = _same_areas(distances)
    nothing: Shares = np.zeros(count, np.float32)
    return {
        masking: _hidden_part(masking, distances, same)
        if masking.hides
        else HiddenPart(nothing, nothing, "" if masking.is_full else masking.id)
        for masking in maskings
    }


def _hidden_part(
    masking: Masking, distances: Mapping[Area, Tensor], same: Mapping[Area, Area]
) -> HiddenPart:
    distance, own = distances[masking.area], distances[masking.own_area] < 0
    frame = distance[0].numel()
    region = region_pixels(masking, distance)
    inside = _count(region)
    hidden = inside if masking.keep == "outside" else frame - inside
    shape = masking.shape
    if shape == "box" and np.array_equal(inside, _count(_contour(masking, distance))):
        shape = "contour"  # the box of a rectangle is the rectangle
    place = f"{same[masking.area]} {shape} {masking.keep} {inside.tobytes().hex()}"
    if not hidden.any():
        place = "nothing"
    elif (hidden == frame).all():
        place = "everything"
    return HiddenPart(
        share=(hidden / frame).astype(np.float32),
        covered=_covered(masking, distance, own),
        version=_version(masking, place),
    )


def _version(masking: Masking, place: str) -> str:
    """A name for the pixels shown when that part is hidden.

    A random fill differs for every masking. The region itself, not the hidden pixels, determines
    where an image is moved to, where a pattern is planted and which part of a donor is inpainted.
    """
    if place == "nothing" and masking.first == "nothing":
        return ""
    fill: Fill = FILLS[masking.fill]
    name = masking.id if fill.random else f"{masking.fill} {masking.first}"
    if fill.needs_donor or masking.first != "nothing":
        name += f" {masking.region}"
    return f"{name} {place}"


def _covered(masking: Masking, distance: Tensor, own: Tensor) -> Shares:
    """The share of the own region that is hidden."""
    size = _count(own)
    if masking.area == masking.own_area and masking.dilation >= 0:  # all of it is inside
        all_hidden = masking.keep == "outside"
        return (size > 0).astype(np.float32) if all_hidden else np.zeros(len(size), np.float32)
    hidden = _count(own & hidden_pixels(masking, distance))
    return (hidden / np.maximum(size, 1)).astype(np.float32)


def _contour(masking: Masking, distance: Tensor) -> Tensor:
    return region_pixels(replace(masking, shape="contour"), distance)


def _same_areas(distances: Mapping[Area, Tensor]) -> dict[Area, Area]:
    """For each area the first one that is the same in every image of the batch."""
    firsts: dict[int, list[Area]] = {}
    same: dict[Area, Area] = {}
    for area in sorted(distances):
        distance = distances[area]
        alike = firsts.setdefault(int(distance.sum(dtype=torch.int64)), [])
        same[area] = next((a for a in alike if torch.equal(distances[a], distance)), area)
        if same[area] == area:
            alike.append(area)
    return same


def _count(pixels: Tensor) -> Counts:
    """How many pixels each mask covers; counted in 32 bits, which takes a third of the time."""
    count: Counts = pixels.flatten(1).sum(1, dtype=torch.int32).numpy()
    return count
