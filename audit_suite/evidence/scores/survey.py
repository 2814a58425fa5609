"""What maskings may know beyond the image itself: the data set's mean, donors, typical regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.cards import canonical_digest
from audit_suite.datasets import BadImage, Dataset
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.scores.donors import donor, drawn, sampled, seed_of
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.prepare import Images, Made, completed, prepare
from audit_suite.evidence.scores.prepared import Prepared, Wanted
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.evidence.store import EvidenceStore
from audit_suite.maskings import Masking
from audit_suite.maskings.areas import Typical, area_of, typical
from audit_suite.maskings.masking import UNMOVED, Area, Names
from audit_suite.regions import Region, shared_distance, signed_distance

_PATIENTS = 400  # whose regions make up the population's
_KEPT = 64 << 20  # bytes of prepared images of these patients that wait for their scores


@dataclass(frozen=True)
class Survey:
    """What maskings may know of a data set, from a sample of its images.

    Attributes:
        dataset: Where images come from.
        wanted: Geometries and areas.
        seed: The run's seed.
        sample: The prepared images of the sample, by index, so that they are not decoded again.
            Empty if no masking needs a survey.
        means: Mean intensity by channel, by geometry.
        typical: Where each region lies in the data set; only if an area or a move needs it.
        waiting: Prepared images of other patients, by index, until they are made.
    """

    dataset: Dataset
    wanted: Wanted
    seed: int
    sample: dict[int, Made]
    means: dict[Geometry, Tensor]
    typical: dict[tuple[Geometry, Names], Typical]
    waiting: dict[int, Made] = field(default_factory=dict, repr=False)

    def make(self, index: int) -> Made:
        """Prepare one image, with every area that is wanted."""
        made = self.sample.get(index) or self.waiting.pop(index, None)
        complete = partial(self._complete, index)
        if made is None:
            return prepare(self._kept, index, complete)
        return made if isinstance(made, BadImage) else completed(self._kept, index, made, complete)

    def donor(self, index: int) -> int | None:
        """Index of the image that provides a region or background: another patient's, by hash."""
        return donor(self.dataset, index, self.seed, list(self._donors))

    def at(self, geometry: Geometry) -> SurveyAt:
        """The context of maskings at one geometry."""
        return SurveyAt(self, geometry)

    def lent(self, index: int, geometry: Geometry) -> Prepared | None:
        """The donor's prepared image."""
        other = self.donor(index)
        return None if other is None else self._donors[other][geometry]

    @cached_property
    def _donors(self) -> dict[int, dict[Geometry, Prepared]]:
        return {i: made for i, made in self.sample.items() if not isinstance(made, BadImage)}

    @cached_property
    def _kept(self) -> Recalled:
        return Recalled(self.dataset, self.wanted, self.seed)

    def _complete(self, index: int, made: Images) -> Images:
        """An image with every area that is wanted."""
        return {
            key: prepared if key in self.wanted.boxed else self._with_areas(index, key, prepared)
            for key, prepared in made.items()
        }

    def _with_areas(self, index: int, geometry: Geometry, prepared: Prepared) -> Prepared:
        distances = dict(prepared.distances)
        for area in self.wanted.areas:
            if area not in distances:
                measure = shared_distance if area[1] in UNMOVED else signed_distance
                distances[area] = measure(self._area(index, geometry, area, distances))
        return Prepared(prepared.image, distances, prepared.properties)

    def _area(
        self,
        index: int,
        geometry: Geometry,
        area: Area,
        distances: dict[Area, NDArray[np.int16]],
    ) -> Region:
        region, whose = area

        def lent() -> Region | None:
            other = self.lent(index, geometry)
            return None if other is None else other.distances[region, "own"] < 0

        def rng() -> np.random.Generator:
            text = f"{self.seed}/{self.dataset.digest}/elsewhere/{index}"
            return np.random.default_rng(seed_of(text))

        own = distances[region, "own"] < 0
        return area_of(whose, own, rng, lent, lambda: self.typical[geometry, region])


@dataclass(frozen=True)
class SurveyAt:
    """A survey as the context of maskings (`maskings.show.Context`) at one geometry."""

    survey: Survey
    geometry: Geometry

    @property
    def mean(self) -> Tensor:
        """Mean intensity by channel, shape (C,); 0 without a survey."""
        channels = self.survey.wanted.specs[self.geometry].channels
        return self.survey.means.get(self.geometry, torch.zeros(channels))

    def seed(self, masking: Masking, index: int) -> int:
        """The seed of one image's random fill, from the run's seed and the request alone."""
        return seed_of(f"{self.survey.seed}/{self.survey.dataset.digest}/{masking.digest}/{index}")

    def centre(self, region: Names) -> tuple[float, float]:
        """Mean centroid of a region: row and column, in pixels."""
        return self.survey.typical[self.geometry, region].centre

    def donor(self, region: Names, index: int) -> tuple[NDArray[np.float32], Region] | None:
        """Another patient's image, shape (C, H, W), and the region in it."""
        other = self.survey.lent(index, self.geometry)
        return None if other is None else (other.image, other.distances[region, "own"] < 0)


def survey_for(
    dataset: Dataset,
    wanted: Wanted,
    maskings: Sequence[Masking],
    seed: int,
    store: EvidenceStore,
) -> Survey:
    """Survey as much of a data set as some maskings need.

    Args:
        dataset: Where images come from.
        wanted: Geometries and areas.
        maskings: The maskings that will be shown.
        seed: The run's seed.
        store: Where typical regions are kept.
    """
    if not any(masking.needs_survey for masking in maskings):
        return Survey(dataset, wanted, seed, {}, {}, {})
    places = any(masking.needs_typical for masking in maskings)
    return survey_of(dataset, wanted, seed, store if places else None)


def survey_of(dataset: Dataset, wanted: Wanted, seed: int, store: EvidenceStore | None) -> Survey:
    """Survey a sample of a data set's images, drawn by hash.

    Args:
        dataset: Where images come from.
        wanted: Geometries and areas.
        seed: The run's seed.
        store: Where typical regions are kept; None if no area or move needs them.
    """
    kept = Recalled(dataset, wanted, seed)
    sample = {i: prepare(kept, i) for i in sampled(dataset)}
    good = [made for made in sample.values() if not isinstance(made, BadImage)]
    means = {}
    for key, spec in wanted.specs.items():
        each = [made[key].image.mean(axis=(1, 2), dtype=np.float64) for made in good]
        mean = np.mean(each, axis=0) if each else np.zeros(spec.channels)
        means[key] = torch.tensor(mean, dtype=torch.float32)
    waiting = _Waiting()
    places = {} if store is None else _typical(kept, sample, store, waiting)
    return Survey(dataset, wanted, seed, sample, means, places, waiting)


def _typical(
    kept: Recalled,
    sample: dict[int, Made],
    store: EvidenceStore,
    waiting: _Waiting,
) -> dict[tuple[Geometry, Names], Typical]:
    """Typical regions from the first image of some patients, drawn by hash; kept in the store."""
    dataset, wanted = kept.dataset, kept.wanted
    keys = {
        (key, region): canonical_digest(
            ["typical", ENGINE_VERSION, dataset.digest, list(key), region, _PATIENTS]
        )
        for key in wanted.specs
        for region in wanted.regions
    }
    if not all(map(store.has, keys.values())):
        _prepare_some(kept, sample, waiting)
    # Only one of several processes does the survey; the others wait for its result.
    with store.alone(f"{dataset.digest[:16]}-typical"):
        stored = {place: store.read(digest) for place, digest in keys.items()}
        if any(arrays is None for arrays in stored.values()):
            for place, seen in _survey_regions(kept, sample, waiting).items():
                arrays = {
                    "population": seen.population,
                    "centre": np.array(seen.centre),
                    "window": seen.window,
                }
                store.write(keys[place], arrays)
                stored[place] = arrays
    return {
        place: Typical(
            arrays["population"],
            (float(arrays["centre"][0]), float(arrays["centre"][1])),
            arrays["window"],
        )
        for place, arrays in stored.items()
        if arrays is not None
    }


def surveyed(dataset: Dataset, maskings: Sequence[Masking]) -> list[int]:
    """The images that `survey_for` may prepare, in order."""
    sample = sampled(dataset) if any(m.needs_survey for m in maskings) else []
    places = _first_images(dataset) if any(m.needs_typical for m in maskings) else []
    return list(dict.fromkeys([*sample, *places]))


def _first_images(dataset: Dataset) -> list[int]:
    """One image of each of some patients."""
    firsts = list({c.patient: i for i, c in reversed(list(enumerate(dataset.cases)))}.values())
    return drawn(dataset, firsts, _PATIENTS)


def _prepare_some(kept: Recalled, sample: Mapping[int, Made], waiting: _Waiting) -> None:
    """Prepare images that will be surveyed, if cached: those that no other does."""
    for index in _first_images(kept.dataset):
        known = index in sample or kept.has(index) or not kept.is_free(index)
        if waiting.room > 0 and not known:
            waiting.add(index, prepare(kept, index))


def _survey_regions(
    kept: Recalled, sample: Mapping[int, Made], waiting: _Waiting
) -> dict[tuple[Geometry, Names], Typical]:
    """The regions of some patients."""
    wanted = kept.wanted
    seen: dict[tuple[Geometry, Names], list[Region]] = {
        (key, region): [] for key in wanted.specs for region in wanted.regions
    }
    for index in _first_images(kept.dataset):
        made = sample.get(index) or waiting.get(index)
        if made is None:
            made = prepare(kept, index)
            waiting.add(index, made)
        if not isinstance(made, BadImage):
            for (key, region), masks in seen.items():
                masks.append(made[key].distances[region, "own"] < 0)
    return {
        (key, region): typical(masks or [np.zeros(key[0], np.bool_)])
        for (key, region), masks in seen.items()
    }


class _Waiting(dict[int, Made]):
    """Prepared images that wait for their scores, as far as memory allows."""

    def __init__(self) -> None:
        super().__init__()
        self.room = _KEPT

    def add(self, index: int, made: Made) -> None:
        if self.room > 0:
            self[index] = made
            self.room -= 0 if isinstance(made, BadImage) else sum(map(_bytes, made.values()))


def _bytes(prepared: Prepared) -> int:
    return prepared.image.nbytes + sum(each.nbytes for each in prepared.distances.values())
