"""What fills may know beyond the image itself: the data set's mean, and a seed."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from audit_suite.datasets import BadImage, Dataset
from audit_suite.evidence.prepare import Geometry, Prepared, Wanted, prepare
from audit_suite.maskings import Masking
from audit_suite.maskings.apply import Reference

_IMAGES = 64  # a sample is enough for a mean that only has to be a plausible grey


def measure_references(
    dataset: Dataset, wanted: Wanted
) -> tuple[dict[Geometry, Reference], dict[int, dict[Geometry, Prepared] | BadImage]]:
    """Measure the data set's mean intensity on an evenly spaced sample of its images.

    Args:
        dataset: Where images come from.
        wanted: Geometries to measure at.

    Returns:
        The reference of each geometry, and the prepared sample by index, so that nobody needs to
        decode it again.
    """
    step = max(1, len(dataset.cases) // _IMAGES)
    sample = {i: prepare(dataset, i, wanted) for i in range(0, len(dataset.cases), step)}
    good = [image for image in sample.values() if not isinstance(image, BadImage)]
    references = {}
    for key, spec in wanted.specs.items():
        means = [image[key].image.mean(axis=(1, 2), dtype=np.float64) for image in good]
        mean = np.mean(means, axis=0) if means else np.zeros(spec.channels)
        references[key] = Reference(torch.tensor(mean, dtype=torch.float32))
    return references, sample


def fill_seed(seed: int, dataset: Dataset, masking: Masking, index: int) -> int:
    """The seed of one image's random fill: of the run's seed and the request, nothing else."""
    text = f"{seed}/{dataset.digest}/{masking.digest}/{index}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
