"""Prepared images in the cache of a data set: under which names, and in which form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import canonical_digest
from audit_suite.datasets import Dataset
from audit_suite.datasets.frame import CELLS, parts_of_whole
from audit_suite.datasets.regions import region_names
from audit_suite.evidence.cache import IMAGE, Arrays
from audit_suite.evidence.claims import Claims
from audit_suite.evidence.pixels import (
    Cached,
    packed_distance,
    packed_image,
    unpacked,
    unpacked_distance,
    unpacked_image,
)
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.prepared import UNMEASURED, Prepared, Wanted
from audit_suite.maskings.masking import UNMOVED, Area
from audit_suite.regions import shared_distance

_Distances = Mapping[Area, NDArray[np.int16]]
_LENT = "lent"  # the array that says what the lent areas of an entry depend on


@dataclass(frozen=True)
class Recalled:
    """What is kept of the images of a data set; nothing where it has no cache.

    An entry holds an image at one geometry with the distances of its own regions. Lent areas (those
    of a donor, or of the whole data set) depend on more. They stand in the same entry if they were
    made at the same time, which takes half the files, and else in one of their own.

    Attributes:
        dataset: The data set.
        wanted: Geometries and areas.
        seed: The run's, on which lent areas depend.
    """

    dataset: Dataset
    wanted: Wanted
    seed: int

    def names(self, index: int) -> dict[Geometry, str]:
        """The names of an image, by geometry."""
        return self._names(index, self._forms)

    def has(self, index: int) -> bool:
        """Whether there is nothing of an image that could be kept and is not."""
        cache, names = self._cached, [*self.names(index).values(), *self._boxed(index).values()]
        return cache is None or all(cache.cache.has(name) for name in names)

    def claim(self, index: int) -> AbstractContextManager[None]:
        """Have an image in hand, so that no other process decodes it (`Claims.claim`)."""
        return nullcontext() if self._claims is None else self._claims.claim(index)

    def is_free(self, index: int) -> bool:
        """Whether no other process has an image in hand now."""
        return self._claims is None or self._claims.is_free(index)

    def lent_name(self, name: str, index: int) -> str:
        """The name of its lent areas, if they are kept apart; ``name`` is that of the image."""
        return (
            name[:IMAGE] + hashlib.sha256(name.encode() + self._lent_by(index)).hexdigest()[IMAGE:]
        )

    def read(self, index: int) -> dict[Geometry, Prepared] | None:
        """An image by geometry, with the areas that are kept; None unless all geometries are."""
        if self._cached is None:
            return None
        made = {}
        for key, name in self.names(index).items():
            arrays = self._cached.cache.read(name)
            if arrays is None:
                return None
            made[key] = self._prepared(index, key, name, arrays)
        return made

    def read_boxed(self, index: int) -> dict[Geometry, Prepared] | None:
        """An image with a box of it black, by geometry; as `read`."""
        made = {}
        for key, name in self._boxed(index).items():
            if not (arrays := self._read(name)):
                return None
            made[key] = Prepared(unpacked_image(arrays), {}, UNMEASURED)
        return made if len(made) == len(self.wanted.boxed) else None

    def write_boxed(self, index: int, made: Mapping[Geometry, Prepared]) -> None:
        """Keep an image with a box of it black."""
        for key, name in self._boxed(index).items():
            self._write(name, packed_image(made[key].image))

    def write(self, index: int, made: Mapping[Geometry, Prepared]) -> None:
        """Keep an image that was decoded, with all areas that were made of it."""
        for key, name in self.names(index).items():
            one = made[key]
            arrays = packed_image(one.image) | {"properties": one.properties}
            arrays |= {_LENT: self._mark(index)} | _packed(one.distances)
            self._write(name, arrays)

    def write_lent(self, index: int, made: Mapping[Geometry, Prepared]) -> None:
        """Keep the lent areas of an image that is kept already."""
        for key, name in self.names(index).items():
            lent = {a: d for a, d in made[key].distances.items() if a in self._lent}
            self._write(self.lent_name(name, index), _packed(lent))

    def _prepared(self, index: int, key: Geometry, name: str, arrays: Arrays) -> Prepared:
        image, size = unpacked_image(arrays), key[0]
        distances = _distances(arrays, size)
        # Another audit's are left out also where none is wanted: a batch's images must agree.
        if not np.array_equal(arrays[_LENT], self._mark(index)):
            distances = {area: d for area, d in distances.items() if area[1] == "own"}
        if not all(area in distances for area in self._lent):
            distances |= _distances(self._read(self.lent_name(name, index)), size)
        return Prepared(image, distances, arrays["properties"])

    @cached_property
    def _cached(self) -> Cached | None:
        """The data set's cache.

        A card's own preprocessing may depend on more than its file: nothing of it is cached.
        """
        read = self.dataset.read
        boxed = [spec for spec, _ in self.wanted.boxed.values()]
        own = any(spec.code() for spec in [*self.wanted.specs.values(), *boxed])
        return read if isinstance(read, Cached) and not own else None

    @cached_property
    def _claims(self) -> Claims | None:
        if self._cached is None:
            return None
        forms = [self.dataset.digest, *self._forms.values(), *self._boxed_forms.values()]
        return Claims(f"{self._cached.cache.folder}/claims/{canonical_digest(forms)}")

    def _names(self, index: int, forms: Mapping[Geometry, str]) -> dict[Geometry, str]:
        if self._cached is None or not forms:
            return {}
        image = self._cached.image(index)
        return {key: image + form[IMAGE:] for key, form in forms.items()}

    def _boxed(self, index: int) -> dict[Geometry, str]:
        return self._names(index, self._boxed_forms)

    @cached_property
    def _boxed_forms(self) -> dict[Geometry, str]:
        if self._cached is None:
            return {}
        return {key: self._cached.form("boxed", list(key)) for key in self.wanted.boxed}

    @cached_property
    def _forms(self) -> dict[Geometry, str]:
        if self._cached is None:
            return {}
        known = sorted(region_names(self.dataset.card))  # decides which of the wanted are empty
        of = self.wanted.regions, known
        return {key: self._cached.form("prepared", list(key), *of) for key in self.wanted.specs}

    @cached_property
    def _lent(self) -> list[Area]:
        return [area for area in self.wanted.areas if area[1] != "own"]

    @cached_property
    def _lent_form(self) -> str:
        return canonical_digest(["areas", self.dataset.digest, self.seed, self._lent])

    def _lent_by(self, index: int) -> bytes:
        """What decides the lent areas of an image, apart from the image."""
        return hashlib.sha256(f"{self._lent_form} {index}".encode()).digest()

    def _mark(self, index: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._lent_by(index), np.uint8)

    def _read(self, name: str) -> Arrays:
        return (self._cached and self._cached.cache.read(name)) or {}

    def _write(self, name: str, arrays: Arrays) -> None:
        if self._cached is not None:
            self._cached.cache.write(name, arrays)


def _packed(distances: _Distances) -> Arrays:
    """Those that many images have alike as masks, as they are measured once for all."""
    return {
        "/".join([*area[0], area[1]]): np.packbits(distance < 0)
        if _is_shared(area, distance)
        else packed_distance(distance)
        for area, distance in distances.items()
    }


def _distances(arrays: Arrays, size: tuple[int, int]) -> dict[Area, NDArray[np.int16]]:
    distances: dict[Area, NDArray[np.int16]] = {}
    for name, packed in arrays.items():
        *region, whose = name.split("/")
        if region:
            area = cast(Area, (tuple(region), whose))
            if packed.dtype == np.uint8 and packed.ndim == 1:
                distances[area] = shared_distance(unpacked(packed, size))
            else:
                distances[area] = unpacked_distance(packed)
    return distances


def _is_shared(area: Area, distance: NDArray[np.int16]) -> bool:
    """Whether many images have an area alike; parts of a padded frame lie as the picture does."""
    region, whose = area
    if whose != "own" or not set(region) <= set(CELLS):
        return whose in UNMOVED
    return np.array_equal(distance < 0, parts_of_whole(distance.shape, region))
