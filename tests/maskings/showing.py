"""What a model is shown: of images that stand alone, and maskings of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit_suite.maskings import Full, OnlyROI, WithoutROI
from audit_suite.maskings.show import Alone, Batch, show

MASKINGS = (
    Full(),
    WithoutROI(),
    OnlyROI(shape="box", dilation=2),
    WithoutROI(fill="mean"),
    WithoutROI(fill="blur"),
    OnlyROI(fill="noise"),
    WithoutROI(fill="inpaint"),
    OnlyROI(fill="swap"),
    WithoutROI(whose="foreign"),
    WithoutROI(whose="foreign", shape="box", fill="mean"),
    WithoutROI(whose="population"),
    WithoutROI(whose="elsewhere"),
    WithoutROI(whose="elsewhere", fill="noise"),
    OnlyROI(whose="window"),
    OnlyROI(whose="window", first="centre"),
    WithoutROI(first="plant-inside", dilation=-1),
    WithoutROI(first="plant-outside"),
)
"""Every fill, every place, and what is planted or moved before."""


def shown(masking, images, distance, mean, seeds=()):
    """Images of which only the signed distance to their own region is known.

    Args:
        masking: What to show.
        images: Shape (B, C, H, W).
        distance: Shape (B, H, W).
        mean: The data set's, shape (C,).
        seeds: One per image, for random fills.
    """
    batch = Batch.of_one_region(images, distance, masking.region)
    return show(masking, batch, Alone(mean, seeds)).images


@dataclass(frozen=True)
class Lending(Alone):
    """A context in which every image has a donor: another's pixels and the region in them."""

    lent: Sequence[tuple[np.ndarray, np.ndarray]] = ()

    def donor(self, region, index):
        return self.lent[index]
