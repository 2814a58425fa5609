"""Decode each image once and prepare it for the maskings of all models in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import BadImage, Dataset
from audit_suite.datasets.acquisition import AREAS, EACH, acquisition
from audit_suite.datasets.frame import CELLS
from audit_suite.datasets.properties import PROPERTIES, image_properties
from audit_suite.datasets.regions import named_regions
from audit_suite.evidence.frame import fit_with_frame
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.prepared import Prepared, Wanted
from audit_suite.evidence.scores.recalled import kept_keys, read_kept, write_kept
from audit_suite.maskings.masking import Area
from audit_suite.pulse import beat
from audit_suite.regions import shared_distance, signed_distance, union

Made = dict[Geometry, Prepared] | BadImage


def prepare(dataset: Dataset, index: int, wanted: Wanted) -> Made:
    """Decode one image once and bring it, and its own regions, to every geometry wanted.

    Where the data set's images are cached, one that was prepared before is not decoded.

    Returns:
        The image by geometry, or the error that says why it cannot be used.
    """
    beat()
    keys = kept_keys(dataset, index, wanted)
    if (kept := read_kept(dataset, keys)) is not None:
        return kept
    try:
        sample = dataset.read(index)
        declared = {name for target in dataset.card.targets.values() for name in target.roi}
        known = sorted(declared & set(sample.regions))
        roi = union(sample.regions, known) if known else None
        file = sample.image
        properties = np.concatenate([image_properties(file, roi), acquisition(file, roi)])
        names = {name for region in wanted.regions for name in region}
        every = named_regions(sample, dataset.card, names)
        named = {name: mask for name, mask in every.items() if name in names}
        made = {}
        for key, spec in wanted.specs.items():
            image, regions = fit_with_frame(sample, named, spec, names)
            distances: dict[Area, NDArray[np.int16]] = {}
            for region in wanted.regions:
                measure = shared_distance if set(region) <= set(CELLS) else signed_distance
                distances[region, "own"] = measure(union(regions, region))
            made[key] = Prepared(image, distances, properties)
    except BadImage as bad:
        return bad
    write_kept(dataset, keys, made)
    return made


def blank(wanted: Wanted) -> dict[Geometry, Prepared]:
    """A black image without any region, in place of one that cannot be read."""
    return {
        key: Prepared(
            np.zeros((spec.channels, *spec.size), np.float32),
            {
                area: signed_distance(np.zeros(spec.size, np.bool_))
                for area in (*wanted.areas, *((region, "own") for region in wanted.regions))
            },
            np.full(len(PROPERTIES) + len(AREAS) * EACH, np.nan, np.float32),
        )
        for key, spec in wanted.specs.items()
    }


def prepare_chunks(
    make: Callable[[int], Made], indices: Sequence[int], sizes: Iterable[int], threads: int
) -> Iterator[tuple[Sequence[int], list[Made]]]:
    """Prepare images chunk by chunk; decodes the next chunk while the caller scores this one.

    Args:
        make: Prepares the image of an index; called from threads.
        indices: The images to prepare, in order.
        sizes: Images of each chunk; the last may have fewer.
        threads: Threads that decode.

    Yields:
        The chunk's indices and its prepared images, in order.
    """
    ends = list(accumulate(sizes))
    chunks = [indices[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    with ThreadPoolExecutor(max_workers=threads) as pool:

        def submit(chunk: Iterable[int]) -> list[Future[Made]]:
            return [pool.submit(make, index) for index in chunk]

        coming = submit(chunks[0]) if chunks else []
        for position, chunk in enumerate(chunks):
            current, coming = coming, []
            if position + 1 < len(chunks):
                coming = submit(chunks[position + 1])
            yield chunk, [future.result() for future in current]
