"""A region drawn once, in fractions of the frame, and used for all images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from audit_suite.cards import DatasetCard
from audit_suite.cards.common import Share
from audit_suite.cards.regions import RegionSpec
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.shapes import box_mask, centres_mask


class DrawnSpec(RegionSpec):
    """A rectangle or a polygon in the frame of every image."""

    rectangle: tuple[Share, Share, Share, Share] | None = None
    """Left, top, right and bottom, as fractions of the frame's width and height."""
    polygon: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3)] | None = None
    """Points (x, y), as fractions of the frame's width and height."""

    @property
    def is_shared(self) -> bool:
        """It is: nobody drew it in one image."""
        return True

    @field_validator("rectangle")
    @classmethod
    def _has_an_area(cls, box: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if box is not None and not (box[2] > box[0] and box[3] > box[1]):
            raise ValueError("is [left, top, right, bottom], with right > left and bottom > top")
        return box

    @model_validator(mode="after")
    def _one_outline(self) -> DrawnSpec:
        if (self.rectangle is None) == (self.polygon is None):
            raise ValueError(
                "needs either rectangle or polygon; `audit-suite region draw` makes one"
            )
        return self

    def mask(self, shape: tuple[int, int]) -> Mask:
        """The pixels of a frame of some height and width whose centres lie in the region.

        Raises:
            ValueError: If a rectangle is smaller than a pixel there.
        """
        height, width = shape
        if self.rectangle is not None:
            left, top, right, bottom = self.rectangle
            return box_mask((left * width, top * height, right * width, bottom * height), shape)
        return centres_mask([(x * width, y * height) for x, y in self.polygon or ()], shape)


@dataclass(frozen=True)
class DrawnMask(RegionSource):
    """The region in one image."""

    spec: DrawnSpec
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The region in a frame of the image's shape."""
        return self.spec.mask(shape)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Nothing: the card's keys decide it, which the digest holds already."""


@dataclass(frozen=True)
class Drawn(MaskFormat):
    """The same part of the frame in all images."""

    name: str = "drawn"
    keys: type[DrawnSpec] = DrawnSpec

    def open(self, card: DatasetCard, region: str, spec: DrawnSpec) -> Find:
        """What gives every image the region."""

        def find(entry: Entry) -> RegionSource:
            return DrawnMask(spec, entry.where)

        return find


register_mask_format(Drawn())
