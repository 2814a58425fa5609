"""The regions of an image by name, among them the border of the frame."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import Sample
from audit_suite.datasets.reader import are_names, reader_of
from audit_suite.regions import Region
from audit_suite.registry import READERS

BORDER = "border"
"""The rim of a frame where no other region lies; unless the data set has a region of that name."""
RIM = 0.05  # width of the rim, share of the shorter side


def region_names(card: DatasetCard) -> frozenset[str]:
    """The regions that images of a data set may have, apart from the border.

    Raises:
        AuditError: If an extension's reader raises or does not return names.
    """
    with READERS.blaming(card.reader):
        names = reader_of(card).regions(card)
        if not are_names(names):
            raise READERS.misbehaved(card.reader, "does not return names of regions")
    return frozenset(names) | set(card.regions)


def region_advice(card: DatasetCard) -> str:
    """What to do where a data set lacks a region; the reader decides."""
    with READERS.blaming(card.reader):
        return str(reader_of(card).region_advice(card))


def named_regions(sample: Sample, card: DatasetCard, names: Collection[str]) -> dict[str, Region]:
    """The regions of an image, and every region of some names: empty where the image lacks it.

    Args:
        sample: The image as decoded.
        card: The card of its data set.
        names: What is asked for; a name that the data set does not have is left out.

    Returns:
        Masks by name, each of shape (H, W).
    """
    shape = sample.image.shape[:2]
    known = region_names(card)
    regions = dict(sample.regions)
    for name in sorted(set(names) - set(regions)):
        if name in known:
            regions[name] = np.zeros(shape, np.bool_)
        elif name == BORDER:
            regions[name] = border(shape)
            for region in sample.regions.values():  # a lung that the frame cuts off is lung
                regions[name] &= ~region
    return regions


def border(shape: tuple[int, ...]) -> Region:
    """The outer rim of a frame: 5 % of its shorter side, at least one pixel.

    Args:
        shape: Height and width.
    """
    rim = max(1, round(RIM * min(shape)))
    mask: Region = np.ones(shape, np.bool_)
    mask[rim:-rim, rim:-rim] = False
    return mask
