"""One decode an image: everything the maskings of all models need of it, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec
from audit_suite.datasets import BadImage, Dataset
from audit_suite.models import fit_geometry
from audit_suite.regions import signed_distance, union

Geometry = tuple[tuple[int, int], int, str, str]  # size, channels, resize, scale
Roi = tuple[str, ...]


def geometry(spec: InputSpec) -> Geometry:
    """What of a model's input is decided before masking; models that share it share the work."""
    return spec.size, spec.channels, spec.resize, spec.scale


@dataclass(frozen=True)
class Prepared:
    """One image at one geometry.

    Attributes:
        image: Shape (C, H, W), float32 in [0, 1].
        distances: For each ROI (a union of named regions) the signed city-block distance,
            shape (H, W).
    """

    image: NDArray[np.float32]
    distances: Mapping[Roi, NDArray[np.integer]]


@dataclass(frozen=True)
class Wanted:
    """What must be prepared of each image: input specs by geometry, and the ROIs masked."""

    specs: Mapping[Geometry, InputSpec]
    rois: Sequence[Roi]


def prepare(dataset: Dataset, index: int, wanted: Wanted) -> dict[Geometry, Prepared] | BadImage:
    """Decode one image once and bring it to every geometry wanted.

    Returns:
        The image by geometry, or why it cannot be used.
    """
    try:
        sample = dataset.read(index)
        found = {}
        for key, spec in wanted.specs.items():
            image, regions = fit_geometry(sample.image, sample.regions, spec)
            distances = {roi: signed_distance(union(regions, roi)) for roi in wanted.rois}
            found[key] = Prepared(image, distances)
    except BadImage as bad:
        return bad
    return found


def blank(wanted: Wanted) -> dict[Geometry, Prepared]:
    """A black image without any region, to hold the place of one that cannot be read."""
    return {
        key: Prepared(
            np.zeros((spec.channels, *spec.size), np.float32),
            dict.fromkeys(wanted.rois, signed_distance(np.zeros(spec.size, np.bool_))),
        )
        for key, spec in wanted.specs.items()
    }


def prepare_chunks(
    dataset: Dataset,
    indices: Sequence[int],
    size: int,
    wanted: Wanted,
    ready: Mapping[int, dict[Geometry, Prepared] | BadImage],
    threads: int,
) -> Iterator[tuple[Sequence[int], list[dict[Geometry, Prepared] | BadImage]]]:
    """Prepare images chunk by chunk, the next chunk decoding while the last one is scored.

    Args:
        dataset: Where images come from.
        indices: The images to prepare, in order.
        size: Images in a chunk.
        wanted: Geometries and ROIs.
        ready: Images prepared before, by index; they are not decoded again.
        threads: Threads that decode.

    Yields:
        The chunk's indices and its prepared images, in order.
    """
    chunks = [indices[start : start + size] for start in range(0, len(indices), size)]
    with ThreadPoolExecutor(max_workers=threads) as pool:

        def one(index: int) -> dict[Geometry, Prepared] | BadImage:
            return ready[index] if index in ready else prepare(dataset, index, wanted)

        def submit(chunk: Iterable[int]) -> list[Future[dict[Geometry, Prepared] | BadImage]]:
            return [pool.submit(one, index) for index in chunk]

        coming = submit(chunks[0]) if chunks else []
        for position, chunk in enumerate(chunks):
            current, coming = coming, []
            if position + 1 < len(chunks):
                coming = submit(chunks[position + 1])
            yield chunk, [future.result() for future in current]
