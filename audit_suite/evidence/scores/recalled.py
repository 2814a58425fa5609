"""Prepared images in the cache of a data set: under which names, and in which form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import Dataset
from audit_suite.datasets.frame import CELLS
from audit_suite.datasets.regions import region_names
from audit_suite.evidence.pixels import (
    Cached,
    packed_distance,
    packed_image,
    unpacked,
    unpacked_distance,
    unpacked_image,
)
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.prepared import Prepared, Wanted
from audit_suite.evidence.store import Arrays
from audit_suite.maskings.masking import UNMOVED, Area
from audit_suite.regions import shared_distance

Keys = Mapping[Geometry, str]


def kept_keys(dataset: Dataset, index: int, wanted: Wanted) -> Keys:
    """The names of an image in the cache, by geometry; empty where it is not cached.

    A card's own preprocessing may depend on more than its file: nothing of it is cached.
    """
    read = dataset.read
    if not isinstance(read, Cached) or any(spec.code() for spec in wanted.specs.values()):
        return {}
    known = sorted(region_names(dataset.card))  # decides which of those asked for are empty
    return {
        key: read.key(index, "prepared", list(key), wanted.regions, known) for key in wanted.specs
    }


def read_kept(dataset: Dataset, keys: Keys) -> dict[Geometry, Prepared] | None:
    """The image by geometry; None unless all of it is in the cache."""
    read, made = dataset.read, {}
    for key, name in keys.items():
        arrays = read.cache.read(name) if isinstance(read, Cached) else None
        if arrays is None:
            return None
        distances = _distances(arrays, key[0])
        made[key] = Prepared(unpacked_image(arrays), distances, arrays["properties"])
    return made or None


def write_kept(dataset: Dataset, keys: Keys, made: Mapping[Geometry, Prepared]) -> None:
    """Put an image into the cache."""
    if isinstance(read := dataset.read, Cached):
        for key, name in keys.items():
            one = made[key]
            arrays = packed_image(one.image) | {"properties": one.properties}
            read.cache.write(name, arrays | _packed(one.distances))


def read_areas(dataset: Dataset, name: str, size: tuple[int, int]) -> dict[Area, NDArray[np.int16]]:
    """The distances of areas that depend on more than the image; none if they are not cached."""
    read = dataset.read
    arrays = read.cache.read(name) if isinstance(read, Cached) else None
    return {} if arrays is None else _distances(arrays, size)


def write_areas(dataset: Dataset, name: str, distances: Mapping[Area, NDArray[np.int16]]) -> None:
    """Put such distances into the cache."""
    if isinstance(read := dataset.read, Cached):
        read.cache.write(name, _packed(distances))


def _packed(distances: Mapping[Area, NDArray[np.int16]]) -> dict[str, NDArray[Any]]:
    """Those that many images have alike as masks, as they are measured once for all."""
    return {
        "/".join([*area[0], area[1]]): np.packbits(distance < 0)
        if _is_shared(area)
        else packed_distance(distance)
        for area, distance in distances.items()
    }


def _distances(arrays: Arrays, size: tuple[int, int]) -> dict[Area, NDArray[np.int16]]:
    distances: dict[Area, NDArray[np.int16]] = {}
    for name, packed in arrays.items():
        *region, whose = name.split("/")
        if region:
            area = cast(Area, (tuple(region), whose))
            if _is_shared(area):
                distances[area] = shared_distance(unpacked(packed, size))
            else:
                distances[area] = unpacked_distance(packed)
    return distances


def _is_shared(area: Area) -> bool:
    return area[1] in UNMOVED or (area[1] == "own" and set(area[0]) <= set(CELLS))
