"""Scores of images whose region was hidden in the file's own pixels, before any preprocessing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from audit_suite.cards import DatasetCard, canonical_digest
from audit_suite.datasets import Sample
from audit_suite.datasets.regions import named_regions
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource
from audit_suite.maskings import Full, Masking
from audit_suite.maskings.masking import Names
from audit_suite.regions import extent, union


@dataclass(frozen=True)
class InFileRequest(ScoreRequest):
    """Scores with the region's bounding box blackened in the file instead of the model's input.

    Whatever preprocessing measures or mixes (an image's range, pixels between pixels) it then does
    with the box already hidden.
    """

    @property
    def rank(self) -> tuple[Any, ...]:
        """As `ScoreRequest.rank`, after all of those."""
        return 0.5, *super().rank[1:]

    @property
    def boxed(self) -> Names:
        """The region of the masking."""
        return self.masking.region

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


def without_box(sample: Sample, card: DatasetCard, region: Names) -> Sample:
    """An image with the bounding box of a region black; as it is where the region is empty.

    Args:
        sample: The image as decoded.
        card: The card of its data set.
        region: Names the region.
    """
    mask = union(named_regions(sample, card, region), region)
    image = sample.image.copy()
    if (box := extent(mask)) is not None:
        image[box] = 0
    return replace(sample, image=image)
