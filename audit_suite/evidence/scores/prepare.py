"""Decode each image once and prepare it for the maskings of all models in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec
from audit_suite.datasets import BadImage, Dataset, Sample
from audit_suite.datasets.acquisition import AREAS, EACH, acquisition
from audit_suite.datasets.frame import CELLS
from audit_suite.datasets.properties import PROPERTIES, image_properties
from audit_suite.datasets.regions import named_regions
from audit_suite.evidence.frame import fit_with_frame
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.in_file import without_box
from audit_suite.evidence.scores.prepared import UNMEASURED, Prepared, Wanted
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.maskings.masking import Area
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.pulse import beat
from audit_suite.regions import shared_distance, signed_distance, union

Images = Mapping[Geometry, Prepared]
Made = dict[Geometry, Prepared] | BadImage
Complete = Callable[[Images], Images]


def _as_they_are(made: Images) -> Images:
    return made


def prepare(kept: Recalled, index: int, complete: Complete = _as_they_are) -> Made:
    """Decode one image once and bring it, and its own regions, to every geometry wanted.

    Where the data set's images are cached, one that was prepared before is not decoded.

    Args:
        kept: The data set, what is wanted of its images, and what is kept of them.
        index: Which one.
        complete: Adds areas that depend on other images, before the image is kept.

    Returns:
        The image by geometry, or the error that says why it cannot be used.
    """
    beat()
    made, boxed = kept.read(index), kept.read_boxed(index)
    if made is None or boxed is None:
        with kept.claim(index):
            if kept.has(index):  # another process prepared it meanwhile
                made, boxed = kept.read(index), kept.read_boxed(index)
            if made is None or boxed is None:
                try:
                    return _decoded(kept, index, complete, made, boxed)
                except BadImage as bad:
                    return bad
    return completed(kept, index, made, complete) | boxed


def _decoded(
    kept: Recalled, index: int, complete: Complete, made: Images | None, boxed: Images | None
) -> dict[Geometry, Prepared]:
    """An image of which something is not known: decoded, completed and kept."""
    sample = kept.dataset.read(index)
    if made is None:
        made = complete(_made(kept.dataset, sample, kept.wanted))
        kept.write(index, made)
    else:
        made = completed(kept, index, made, complete)
    if boxed is None:
        boxed = _boxed(kept.dataset, sample, kept.wanted)
        kept.write_boxed(index, boxed)
    return {**made, **boxed}


def completed(
    kept: Recalled, index: int, made: Images, complete: Complete
) -> dict[Geometry, Prepared]:
    """An image of which the cache knows, with all areas; those that were lacking are kept."""
    whole = complete(made)
    if any(len(whole[key].distances) > len(made[key].distances) for key in kept.wanted.specs):
        kept.write_lent(index, whole)
    return dict(whole)


def _made(dataset: Dataset, sample: Sample, wanted: Wanted) -> dict[Geometry, Prepared]:
    """A decoded image at every geometry at which it is masked."""
    if not wanted.specs:
        return {}
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
    return made


def _boxed(dataset: Dataset, sample: Sample, wanted: Wanted) -> dict[Geometry, Prepared]:
    """The same image at every geometry at which a box of it is black."""
    made = {}
    for key, (spec, region) in wanted.boxed.items():
        boxed = without_box(sample, dataset.card, region)
        image, _ = fit_geometry(boxed.image, {}, spec, boxed.file)
        made[key] = Prepared(image, {}, UNMEASURED)
    return made


def blank(wanted: Wanted) -> dict[Geometry, Prepared]:
    """A black image without any region, in place of one that cannot be read."""
    areas = (*wanted.areas, *((region, "own") for region in wanted.regions))
    unknown = np.full(len(PROPERTIES) + len(AREAS) * EACH, np.nan, np.float32)
    masked = {
        key: Prepared(
            _black(spec),
            {area: signed_distance(np.zeros(spec.size, np.bool_)) for area in areas},
            unknown,
        )
        for key, spec in wanted.specs.items()
    }
    return masked | {
        key: Prepared(_black(spec), {}, UNMEASURED) for key, (spec, _) in wanted.boxed.items()
    }


def _black(spec: InputSpec) -> NDArray[np.float32]:
    return np.zeros((spec.channels, *spec.size), np.float32)


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
