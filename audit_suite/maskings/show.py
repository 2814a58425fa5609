"""The only way from a masking to pixels, on the device of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.maskings.areas import centroid
from audit_suite.maskings.centred import centre
from audit_suite.maskings.fill import Fill, Surroundings
from audit_suite.maskings.masking import Area, Masking, Names
from audit_suite.maskings.planted import plant
from audit_suite.maskings.shuffled import shuffled
from audit_suite.regions import Region
from audit_suite.registry import FILLS, SHIPPED

_ROUNDING = 1e-3  # by which intensities of an extension's fill may exceed [0, 1]


class Context(Protocol):
    """What maskings may know of a data set beyond the image itself."""

    @property
    def mean(self) -> Tensor:
        """Mean intensity by channel, shape (C,), in [0, 1]."""
        ...

    def seed(self, masking: Masking, index: int) -> int:
        """The seed of one image's random fill."""
        ...

    def centre(self, region: Names) -> tuple[float, float]:
        """Mean centroid of a region: row and column, in pixels."""
        ...

    def donor(self, region: Names, index: int) -> tuple[NDArray[Any], Region] | None:
        """Another patient's image, shape (C, H, W), and the region in it; None if there is none."""
        ...


@dataclass(frozen=True)
class Alone:
    """The context of images without a data set: no donors, no typical places.

    Attributes:
        mean: Shape (C,).
        seeds: By index; only random fills need them.
    """

    mean: Tensor
    seeds: Sequence[int] = ()

    def seed(self, masking: Masking, index: int) -> int:
        """The given seed; 0 without seeds."""
        return self.seeds[index] if self.seeds else 0

    def centre(self, region: Names) -> tuple[float, float]:
        """Always raises: the mean centroid is a property of a data set.

        Raises:
            ValueError: Always.
        """
        raise ValueError("the mean centroid of a region is not known without a data set")

    def donor(self, region: Names, index: int) -> None:
        """None: there is no other image."""


@dataclass(frozen=True)
class Batch:
    """Images, and the distance of each pixel to the areas that maskings may hide.

    Attributes:
        indices: Indices of the images in the data set, for seeds and donors.
        images: Shape (B, C, H, W), floating, in [0, 1].
        distances: Signed city-block distance to each area (`regions.signed_distance`), shape
            (B, H, W). For every region the image's own area must be included.
        on_host: The distances on the CPU, if they are on another device, for what is decided there.
        lent: Donors' images and regions by region, once a fill asked for them.
    """

    indices: Sequence[int]
    images: Tensor
    distances: Mapping[Area, Tensor]
    on_host: Mapping[Area, Tensor] | None = None
    lent: dict[Names, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def of_one_region(cls, images: Tensor, distance: Tensor, region: Names = ()) -> Batch:
        """Images with the distance to a single region of their own."""
        return cls(range(len(images)), images, {(region, "own"): distance})


@dataclass(frozen=True)
class Shown:
    """What a model is shown of a batch.

    Attributes:
        masking: The masking.
        images: In the form of the batch's images.
        hidden: Shape (B, H, W), bool: the pixels that were replaced.
        own: Shape (B, H, W), bool: the image's own region; empty for the full image.
    """

    masking: Masking
    images: Tensor
    hidden: Tensor
    own: Tensor


def show(masking: Masking, batch: Batch, context: Context) -> Shown:
    """Apply a masking: shuffle, or move or plant, hide, fill; visible pixels stay bit-identical.

    A fill never receives hidden pixels, so it cannot read them. A blur of the whole image, for
    example, would carry a blurred finding into the image that is supposed to lack it.

    Args:
        masking: What to show.
        batch: The images.
        context: What the masking may know beyond the images.

    Returns:
        Images of the shape, type and device of the batch's, and the pixels that are hidden.

    Raises:
        AuditError: If an extension's fill raises or returns something other than images.
    """
    images = batch.images
    if not masking.hides:
        nothing = torch.zeros_like(images[:, 0], dtype=torch.bool)
        if masking.shuffles:
            seeds = [context.seed(masking, index) for index in batch.indices]
            images = shuffled(images, seeds, masking.first == "shuffled-patches")
        return Shown(masking, images, nothing, nothing)
    distance = batch.distances[masking.own_area]
    own = within(distance, 0)
    on_host = (batch.on_host or batch.distances)[masking.own_area]
    if masking.first == "centre":
        images = centre(images, _shifts(within(on_host, 0), context.centre(masking.region)))
    elif masking.first != "nothing":
        images = plant(images, distance, masking.first == "plant-inside", on_host)
    hidden = hidden_pixels(masking, batch.distances[masking.area])
    filling = _fill(masking, images, hidden[:, None], batch, context)
    return Shown(masking, torch.where(hidden[:, None], filling, images), hidden, own)


def hidden_pixels(masking: Masking, distance: Tensor) -> Tensor:
    """Which pixels a masking hides.

    Args:
        masking: What to show.
        distance: Signed distances to the masking's area, shape (B, H, W).

    Returns:
        Shape (B, H, W), bool.
    """
    if not masking.hides:
        return torch.zeros(distance.shape, dtype=torch.bool, device=distance.device)
    region = region_pixels(masking, distance)
    return region if masking.keep == "outside" else ~region


def region_pixels(masking: Masking, distance: Tensor) -> Tensor:
    """The dilated region, or its box, of a masking that hides it or all else.

    Args:
        masking: What to show.
        distance: Signed distances to the masking's area, shape (B, H, W).

    Returns:
        Shape (B, H, W), bool. The box of an empty region is empty.
    """
    region = within(distance, masking.dilation)
    return _box(region) if masking.shape == "box" else region


def within(distance: Tensor, dilation: int) -> Tensor:
    """The pixels of an area that is dilated, or eroded where the number is negative.

    Args:
        distance: Signed distances to the area, of any shape.
        dilation: In pixels.

    Returns:
        Of the same shape, bool.
    """
    if distance.device.type == "cpu":  # NumPy compares small integers in a third of the time
        flags = distance.numpy()
        return torch.from_numpy(flags <= dilation if dilation >= 0 else flags < dilation)
    return distance <= dilation if dilation >= 0 else distance < dilation


def _fill(
    masking: Masking, images: Tensor, hidden: Tensor, batch: Batch, context: Context
) -> Tensor:
    fill: Fill = FILLS[masking.fill]
    region = masking.region

    def lent() -> tuple[Tensor, Tensor]:
        if not fill.needs_donor:  # its estimates would lack the variance between donors
            raise FILLS.misbehaved(fill.name, "asks for donors, but its needs_donor is false")
        if region not in batch.lent:
            batch.lent[region] = _donors(region, batch, context)
        others, regions = batch.lent[region]
        return others.clone(), regions.clone()  # a fill may write to them

    seeds = [context.seed(masking, index) for index in batch.indices] if fill.random else []
    mean = context.mean.to(images.device, non_blocking=True)
    with FILLS.blaming(fill.name):
        filling = fill(images.masked_fill(hidden, 0), hidden, Surroundings(mean, seeds, lent))
    if (given := _kind(filling)) != (wanted := _kind(images)):
        raise FILLS.misbehaved(fill.name, f"returned {given}, not {wanted}")
    if FILLS.origin(fill.name) != SHIPPED and not _in_range(filling, hidden):
        raise FILLS.misbehaved(fill.name, "returned pixels that are not between 0 and 1")
    return filling


def _donors(region: Names, batch: Batch, context: Context) -> tuple[Tensor, Tensor]:
    """The donors' images, (B, C, H, W), and their regions, (B, 1, H, W)."""
    images, pinned = batch.images, batch.images.is_cuda
    others = torch.empty(images.shape, dtype=images.dtype, pin_memory=pinned)
    others[:] = context.mean[:, None, None]  # without a donor: its own pixels are not read
    regions = torch.zeros((len(images), 1, *images.shape[2:]), dtype=torch.bool, pin_memory=pinned)
    for row, index in enumerate(batch.indices):
        if (donor := context.donor(region, index)) is not None:
            others[row] = torch.from_numpy(donor[0])
            regions[row, 0] = torch.from_numpy(donor[1])
    device = images.device
    return others.to(device, non_blocking=True), regions.to(device, non_blocking=True)


def _in_range(filling: Tensor, hidden: Tensor) -> bool:
    """Whether all filled pixels are finite and from 0 to 1, up to rounding."""
    put = filling.masked_select(hidden)
    return bool(((put > -_ROUNDING) & (put < 1 + _ROUNDING)).all())


def _kind(value: object) -> str:
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    return f"a tensor of {value.dtype} and shape {tuple(value.shape)} on {value.device.type}"


def _shifts(own: Tensor, to: tuple[float, float]) -> list[tuple[int, int]]:
    """Rows down and columns right that bring each region's centroid to a place."""
    down, right = to
    shifts = []
    for region in own.cpu().numpy():
        row, column = centroid(region) if region.any() else to
        shifts.append((round(down - row), round(right - column)))
    return shifts


def _box(region: Tensor) -> Tensor:
    if region.device.type != "cpu":
        return _span(region.any(dim=2))[:, :, None] & _span(region.any(dim=1))[:, None, :]
    flags = region.numpy()  # NumPy takes a fifth of the time
    rows, columns = (_span(torch.from_numpy(flags.any(axis=axis))).numpy() for axis in (2, 1))
    return torch.from_numpy(rows[:, :, None] & columns[:, None, :])


def _span(line: Tensor) -> Tensor:
    """Fill each line of flags (B, N) from its first to its last set flag."""
    count = line.int()
    return (count.cumsum(1) > 0) & (count.flip(1).cumsum(1).flip(1) > 0)
