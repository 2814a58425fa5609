"""Which regions the images of a data set have by name, the border of the frame among them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from audit_suite.cards import DatasetCard
from audit_suite.datasets.adapters import chexmask
from audit_suite.datasets.dataset import Sample
from audit_suite.phantoms import REGIONS
from audit_suite.regions import Region

BORDER = "border"
"""The rim of a frame where no other region lies; unless the data set has a region of that name."""
RIM = 0.05  # of the shorter side: how wide it is

_CHEXMASK = ("padchest", "chestxray14")


def region_names(card: DatasetCard) -> frozenset[str]:
    """The regions that images of a data set may have, the border aside."""
    if card.phantom is not None:
        return frozenset(REGIONS[card.phantom.kind])
    if card.reader == "manifest":
        return frozenset(card.regions)
    if card.reader in _CHEXMASK:
        return frozenset(chexmask.REGIONS if "masks" in card.files else ())
    # Readers of one mask an image, and of those that targets name.
    return frozenset(name for target in card.targets.values() for name in target.roi)


def named_regions(sample: Sample, card: DatasetCard, names: Collection[str]) -> dict[str, Region]:
    """The regions of an image, with all that are named: empty where the image lacks one.

    Args:
        sample: The image as decoded.
        card: The card of its data set.
        names: What is asked for; a name that the data set does not have is left out.

    Returns:
        Masks by name, each of shape (H, W).
    """
    shape = sample.image.shape[:2]
    known = region_names(card)
    found = dict(sample.regions)
    for name in sorted(set(names) - set(found)):
        if name in known:
            found[name] = np.zeros(shape, np.bool_)
        elif name == BORDER:
            found[name] = border(shape)
            for region in sample.regions.values():  # a lung that the frame cuts is lung
                found[name] &= ~region
    return found


def border(shape: tuple[int, ...]) -> Region:
    """The outer rim of a frame: 5 % of its shorter side, one pixel at least.

    Args:
        shape: Height and width.
    """
    rim = max(1, round(RIM * min(shape)))
    found: Region = np.ones(shape, np.bool_)
    found[rim:-rim, rim:-rim] = False
    return found
