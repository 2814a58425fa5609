"""What a model is shown of images that stand alone: no donors, no typical places."""

from __future__ import annotations

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
