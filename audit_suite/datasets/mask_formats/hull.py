"""A region made of others: the convex hull of their masks, such as lungs with the mediastinum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from audit_suite.cards import DatasetCard
from audit_suite.cards.common import Once
from audit_suite.cards.names import RegionName
from audit_suite.cards.regions import RegionSpec
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.regions import region_names
from audit_suite.datasets.shapes import hull_mask
from audit_suite.errors import AuditError


class HullSpec(RegionSpec):
    """The convex hull of other regions: what lies between them belongs to it."""

    of: Annotated[tuple[RegionName, ...], Once, Field(min_length=1)]
    """The regions, of this card or of its reader, around which the hull is drawn."""

    @property
    def made_of(self) -> tuple[str, ...]:
        """The regions around which the hull is drawn."""
        return self.of


@dataclass(frozen=True)
class HullMask(RegionSource):
    """The hull in one image; empty if one of its parts is, which it would not be drawn around."""

    parts: tuple[RegionSource, ...]
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The hull of all parts together."""
        masks = [part.read(shape) for part in self.parts]
        if not all(mask.any() for mask in masks):
            return np.zeros(shape, np.bool_)
        return hull_mask(np.logical_or.reduce(masks))

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Nothing: the card's keys and the parts decide it, which the digest holds already."""


@dataclass(frozen=True)
class Hull(MaskFormat):
    """A hull around regions that the image has already."""

    name: str = "hull"
    keys: type[HullSpec] = HullSpec

    def open(self, card: DatasetCard, region: str, spec: HullSpec) -> Find:
        """What draws the hull in an image.

        Raises:
            AuditError: If neither the card nor its reader has one of the regions.
        """
        if unknown := sorted(set(spec.of) - region_names(card)):
            there = ", ".join(sorted(region_names(card) - {region})) or "none"
            raise AuditError(
                f"{card.path}: key 'regions.{region}.of' names '{unknown[0]}', which is no region "
                f"of this data set",
                f"regions there: {there}",
            )

        def find(entry: Entry) -> RegionSource | str:
            where = f"{entry.where} (hull of {', '.join(spec.of)})"
            if missing := [part for part in spec.of if part not in entry.regions]:
                return f"{where}: the image has no mask of {', '.join(missing)}"
            return HullMask(tuple(entry.regions[part] for part in spec.of), where)

        return find


register_mask_format(Hull())
