"""Scores of images whose region was hidden in the file's own pixels, before any preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar

import numpy as np

from audit_suite.cards import DatasetCard, canonical_digest
from audit_suite.datasets import Dataset, Sample
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.maskings import Full, Masking
from audit_suite.regions import union


@dataclass(frozen=True)
class InFileRequest(ScoreRequest):
    """Scores with the region's bounding box blackened in the file instead of the model's input.

    Whatever preprocessing measures or mixes (an image's range, pixels between pixels) it then does
    with the box already hidden.
    """

    executor: ClassVar[str] = "audit_suite.evidence.scores.in_file:compute_in_file"

    @property
    def shown(self) -> Masking:
        """Nothing is hidden in the model's input."""
        return Full()

    @property
    def words(self) -> str:
        """The masking, and where."""
        return f"{super().words} in the image files"

    def key(self, source: EvidenceSource, shard: int) -> str:
        """The store key of one shard; as `ScoreRequest.key`."""
        return canonical_digest(["in file", super().key(source, shard)])


def compute_in_file(
    requests: Sequence[InFileRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Compute and store the scores that are missing; as `compute.compute_scores`.

    Args:
        requests: The requested scores.
        source: Data sets, models, profile and store.
        progress: Called with a line of text if memory runs out.
    """
    from audit_suite.evidence.scores.compute import compute_on  # torch, which only an executor has

    fix_arithmetic(source.profile)
    for (card, masking), group in groupby(requests, key=lambda r: (r.dataset, r.masking)):
        try:
            dataset = hidden_in_file(source.dataset(card), masking)
            compute_on(dataset, list(group), source, progress)
        except AuditError as error:
            source.failures[card] = error


def hidden_in_file(dataset: Dataset, masking: Masking) -> Dataset:
    """A data set whose images are read with the bounding box of a region black.

    Args:
        dataset: The data set.
        masking: Names the region.
    """

    def read(index: int) -> Sample:
        sample = dataset.read(index)
        return replace(sample, image=_without_box(sample, dataset.card, masking))

    return replace(dataset, read=read)


def _without_box(sample: Sample, card: DatasetCard, masking: Masking) -> np.ndarray:
    region = union(named_regions(sample, card, masking.region), masking.region)
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    image = sample.image.copy()
    if len(rows):
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 0
    return image
