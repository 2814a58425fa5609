"""What a model is shown of images that stand alone: no donors, no typical places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit_suite.maskings.show import Alone, Batch, show


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
