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
from audit_suite.maskings.show import region_pixels, within
from audit_suite.registry import FILLS

Counts = NDArray[np.int32]
Shares = NDArray[np.float32]
_STEP = 8  # pixels


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
    regions = _Regions(distances)
    nothing: Shares = np.zeros(count, np.float32)
    return {
        masking: regions.hidden_part(masking)
        if masking.hides
        else HiddenPart(nothing, nothing, "" if masking.is_full else masking.id)
        for masking in maskings
    }


class _Regions:
    """The regions of a batch's images, each counted once: maskings fill one in many ways."""

    def __init__(self, distances: Mapping[Area, Tensor]) -> None:
        self._distances = distances
        self._same = _same_areas(distances)
        self._inside: dict[tuple[Area, str, int], Counts] = {}
        self._own_inside: dict[tuple[Area, str, int], Counts] = {}
        self._own: dict[Area, Counts] = {}

    def hidden_part(self, masking: Masking) -> HiddenPart:
        frame = self._distances[masking.area][0].numel()
        inside = self._count_inside(masking)
        hidden = inside if masking.keep == "outside" else frame - inside
        shape = masking.shape
        if shape == "box":
            contour = self._count_inside(replace(masking, shape="contour"))
            if np.array_equal(inside, contour):
                shape = "contour"  # the box of a rectangle is the rectangle
        place = f"{self._same[masking.area]} {shape} {masking.keep} {inside.tobytes().hex()}"
        if not hidden.any():
            place = "nothing"
        elif (hidden == frame).all():
            place = "everything"
        return HiddenPart(
            share=(hidden / frame).astype(np.float32),
            covered=self._covered(masking),
            version=_version(masking, place),
        )

    def _covered(self, masking: Masking) -> Shares:
        """The share of the own region that is hidden."""
        own = masking.own_area
        if own not in self._own:
            self._own[own] = _count(within(self._distances[own], 0))
        size = self._own[own]
        if masking.area == own and masking.dilation >= 0:  # all of it is inside
            inside = size
        else:
            key = _of(masking)
            if key not in self._own_inside:
                region = region_pixels(masking, self._distances[masking.area])
                self._own_inside[key] = _count(region & within(self._distances[own], 0))
            inside = self._own_inside[key]
        hidden = inside if masking.keep == "outside" else size - inside
        return (hidden / np.maximum(size, 1)).astype(np.float32)

    def _count_inside(self, masking: Masking) -> Counts:
        key = _of(masking)
        if key not in self._inside:
            self._inside[key] = _count(region_pixels(masking, self._distances[masking.area]))
        return self._inside[key]


def _of(masking: Masking) -> tuple[Area, str, int]:
    """What decides the region of a masking, whatever is put there."""
    return masking.area, masking.shape, masking.dilation


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


def _same_areas(distances: Mapping[Area, Tensor]) -> dict[Area, Area]:
    """For each area the first one that is the same in every image of the batch."""
    firsts: dict[int, list[Area]] = {}
    same: dict[Area, Area] = {}
    for area in sorted(distances):
        distance = distances[area]
        some = distance[:, ::_STEP, ::_STEP]  # enough to tell most areas apart
        alike = firsts.setdefault(int(some.sum(dtype=torch.int64)), [])
        same[area] = next((a for a in alike if torch.equal(distances[a], distance)), area)
        if same[area] == area:
            alike.append(area)
    return same


def _count(pixels: Tensor) -> Counts:
    """How many pixels each mask covers: NumPy counts flags in a twentieth of the time."""
    return np.array([np.count_nonzero(mask) for mask in pixels.numpy()], np.int32)
