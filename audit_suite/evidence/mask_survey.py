"""What masks show of themselves, measured without a model and kept in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, canonical_digest
from audit_suite.datasets import BadImage, Dataset
from audit_suite.datasets.mask_fit import (
    TURNED,
    Rings,
    along_frame,
    contrast,
    off_image,
    rings_of,
    squared,
)
from audit_suite.datasets.regions import named_regions
from audit_suite.evidence.source import EvidenceSource
from audit_suite.evidence.store import Arrays
from audit_suite.regions import union

_VERSION = 2  # raise it when a measure changes
_MOST, _RUN = 504, 8  # images looked at, and how many of them follow each other

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MaskSurvey:
    """The masks of a region in up to five hundred images of a data set.

    Attributes:
        index: Shape (n,), which images of the data set; runs of neighbours, evenly spread.
        area: Shape (n,), share of the frame.
        along_frame: Shape (n,), share of the frame's outermost pixels that are region.
        off_image: Shape (n,), share of the region that lies on padding.
        own: Shape (n,), contrast across the mask's edge (`mask_fit.contrast`).
        turned: Shape (n, t), the same of the mask as each of `mask_fit.TURNED` would lay it.
        others: Shape (n, 2), the same of the masks of the other patients before and after.
        mask: Shape (n,), a hash of the mask.
        image: Shape (n,), a hash of the decoded image.
    """

    index: NDArray[np.int64]
    area: Floats
    along_frame: Floats
    off_image: Floats
    own: Floats
    turned: Floats
    others: Floats
    mask: NDArray[np.int64]
    image: NDArray[np.int64]


def mask_survey(source: EvidenceSource, card: DatasetCard, roi: Sequence[str]) -> MaskSurvey:
    """The survey of a data set, made by the first process that asks.

    Args:
        source: Data sets and the store.
        card: The data set.
        roi: Names of the regions whose union is the region.

    Raises:
        AuditError: If the data set cannot be loaded, or an image is broken and the card does not
            allow it to be left out.
    """
    dataset = source.dataset(card)
    key = canonical_digest(["masks", _VERSION, _MOST, _RUN, dataset.digest, sorted(roi)])
    stored = source.store.read(key)
    if stored is None:
        with source.store.alone(f"{dataset.digest[:16]}-masks"):
            stored = source.store.read(key)
            if stored is None:
                stored = _survey(dataset, roi, source.profile.threads)
                source.store.write(key, stored)
    return MaskSurvey(**stored)


@dataclass(frozen=True)
class _Seen:
    index: int
    picture: NDArray[np.float32]
    rings: Rings
    facts: tuple[float, float, float]
    hashes: tuple[int, int]


def _survey(dataset: Dataset, roi: Sequence[str], threads: int) -> Arrays:
    with ThreadPoolExecutor(threads) as pool:
        looked = pool.map(lambda index: _look(dataset, index, roi), _chosen(len(dataset.cases)))
        seen = [one for one in looked if one is not None]
    others = [_others(dataset, seen, place) for place in range(len(seen))]
    facts = np.array([one.facts for one in seen], np.float64).reshape(-1, 3)
    hashes = np.array([one.hashes for one in seen], np.int64).reshape(-1, 2)
    turned = [
        [contrast(one.picture, one.rings.turned(turn)) for turn in TURNED.values()] for one in seen
    ]
    return {
        "index": np.array([one.index for one in seen], np.int64),
        "area": facts[:, 0],
        "along_frame": facts[:, 1],
        "off_image": facts[:, 2],
        "own": np.array([contrast(one.picture, one.rings) for one in seen], np.float64),
        "turned": np.array(turned, np.float64).reshape(-1, len(TURNED)),
        "others": np.array(others, np.float64).reshape(-1, 2),
        "mask": hashes[:, 0],
        "image": hashes[:, 1],
    }


def _chosen(images: int) -> list[int]:
    """All images, or runs of neighbours: masks get mixed up between neighbours."""
    if images <= _MOST:
        return list(range(images))
    starts = np.linspace(0, images - _RUN, _MOST // _RUN).astype(int)
    return [int(start) + step for start in starts for step in range(_RUN)]


def _look(dataset: Dataset, index: int, roi: Sequence[str]) -> _Seen | None:
    try:
        sample = dataset.read(index)
    except BadImage:
        if dataset.card.on_bad_image == "error":
            raise
        return None
    mask = union(named_regions(sample, dataset.card, roi), roi)
    if not mask.any():
        return None
    picture = squared(sample.image)
    return _Seen(
        index,
        picture,
        rings_of(mask),
        (float(mask.mean()), along_frame(mask), off_image(picture, mask)),
        (_hash(mask), _hash(sample.image)),
    )


def _others(dataset: Dataset, seen: Sequence[_Seen], place: int) -> tuple[float, float]:
    """Contrasts of the nearest other patients' masks before and after; its own if there is none."""
    patient = dataset.cases[seen[place].index].patient
    contrasts = []
    for step in (-1, 1):
        around = (seen[(place + step * far) % len(seen)] for far in range(1, len(seen)))
        other = next((o for o in around if dataset.cases[o.index].patient != patient), seen[place])
        contrasts.append(contrast(seen[place].picture, other.rings))
    return contrasts[0], contrasts[1]


def _hash(pixels: NDArray[Any]) -> int:
    text = f"{pixels.shape} {pixels.dtype} ".encode() + np.ascontiguousarray(pixels).tobytes()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], signed=True)
