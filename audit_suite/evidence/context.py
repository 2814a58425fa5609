"""What maskings may know beyond the image itself: the data set's mean, donors, typical regions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.cards import canonical_digest
from audit_suite.datasets import BadImage, Dataset
from audit_suite.evidence.prepare import Area, Geometry, Made, Prepared, Roi, Wanted, prepare
from audit_suite.evidence.source import ENGINE_VERSION
from audit_suite.evidence.store import EvidenceStore
from audit_suite.maskings import Masking
from audit_suite.maskings.apply import Reference, apply_masking, hidden_pixels, inpaint
from audit_suite.maskings.areas import Typical, centroid, elsewhere, typical
from audit_suite.maskings.centred import centre
from audit_suite.maskings.planted import plant
from audit_suite.regions import Region, signed_distance

_SAMPLE = 64  # images of which the mean is taken, and which lend others region and background
_PATIENTS = 400  # whose regions make the population's


@dataclass(frozen=True)
class Context:
    """The surroundings of one data set at the geometries wanted.

    Attributes:
        dataset: Where images come from.
        wanted: Geometries and areas.
        seed: The run's seed.
        sample: Prepared images that were decoded for it, by index; nobody need decode them again.
        references: What fills may know, by geometry.
        typical: Where each region lies in the data set, where an area or a move asks for it.
    """

    dataset: Dataset
    wanted: Wanted
    seed: int
    sample: dict[int, Made]
    references: dict[Geometry, Reference]
    typical: dict[tuple[Geometry, Roi], Typical]

    def make(self, index: int) -> Made:
        """Prepare one image, with every area that is wanted."""
        made = self.sample.get(index) or prepare(self.dataset, index, self.wanted)
        if isinstance(made, BadImage):
            return made
        return {key: self._complete(index, key, prepared) for key, prepared in made.items()}

    def donor(self, index: int) -> int | None:
        """The image that lends an image its region or background: another patient's, by hash."""
        return donor(self.dataset, index, self.seed, list(self._donors()))

    def show(
        self,
        masking: Masking,
        key: Geometry,
        indices: list[int],
        images: Tensor,
        distances: dict[Area, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """What a model is shown of a batch under a masking.

        Args:
            masking: Not full.
            key: Geometry of the batch.
            indices: Which images these are, for seeds and donors.
            images: Shape (B, C, H, W).
            distances: By area, each of shape (B, H, W).

        Returns:
            The masked images and the pixels hidden, shape (B, H, W), bool.
        """
        own = distances[masking.region, "own"]
        if masking.first == "centre":
            images = centre(images, self._shifts(key, masking.region, own))
        elif masking.first != "nothing":
            images = plant(images, own, inside=masking.first == "plant-inside")
        distance = distances[masking.region, masking.whose]
        reference = self.references.get(key) or Reference(torch.zeros(images.shape[1]))
        seeds = [fill_seed(self.seed, self.dataset, masking, index) for index in indices]
        backgrounds = None
        if masking.fill == "swap":
            backgrounds = self._backgrounds(key, masking.region, indices, images)
        masked = apply_masking(masking, images, distance, reference, seeds, backgrounds)
        return masked, hidden_pixels(masking, distance)

    def _donors(self) -> dict[int, dict[Geometry, Prepared]]:
        return {i: made for i, made in self.sample.items() if not isinstance(made, BadImage)}

    def _complete(self, index: int, key: Geometry, prepared: Prepared) -> Prepared:
        distances = dict(prepared.distances)
        for roi, whose in self.wanted.areas:
            if whose != "own":
                own = distances[roi, "own"] < 0
                distances[roi, whose] = self._area(index, key, roi, whose, own)
        return Prepared(prepared.image, distances, prepared.properties)

    def _area(
        self, index: int, key: Geometry, roi: Roi, whose: str, own: NDArray[np.bool_]
    ) -> NDArray[np.int16]:
        if whose == "elsewhere":
            text = f"{self.seed}/{self.dataset.digest}/elsewhere/{index}"
            rng = np.random.default_rng(_seed(text))
            return signed_distance(elsewhere(own, rng))
        if whose == "foreign":
            other = self.donor(index)
            if other is None:
                return signed_distance(own)
            lent = self._donors()[other][key].distances[roi, "own"] < 0
            return signed_distance(own | lent)
        known = self.typical[key, roi]
        return signed_distance(known.population if whose == "population" else known.window)

    def _shifts(self, key: Geometry, roi: Roi, own: Tensor) -> list[tuple[int, int]]:
        down, right = self.typical[key, roi].centre
        shifts = []
        for region in (own < 0).cpu().numpy():
            row, column = centroid(region) if region.any() else (down, right)
            shifts.append((round(down - row), round(right - column)))
        return shifts

    def _backgrounds(self, key: Geometry, roi: Roi, indices: list[int], images: Tensor) -> Tensor:
        """Donors' images with their own region painted over; the mean where there is no donor."""
        donors = self._donors()
        mean = self.references[key].mean.to(images)[None, :, None, None]
        lent = mean.expand_as(images).clone()  # its own pixels would be read though hidden
        hidden = torch.zeros_like(images[:, :1], dtype=torch.bool)
        for row, index in enumerate(indices):
            if (other := self.donor(index)) is not None:
                prepared = donors[other][key]
                lent[row] = torch.from_numpy(prepared.image).to(images)
                hidden[row] = torch.from_numpy(prepared.distances[roi, "own"] < 0).to(hidden.device)
        return inpaint(lent, hidden, self.references[key])


def measure(dataset: Dataset, wanted: Wanted, seed: int, store: EvidenceStore | None) -> Context:
    """Look at a sample of a data set's images, drawn by hash.

    Args:
        dataset: Where images come from.
        wanted: Geometries and areas.
        seed: The run's seed.
        store: Where typical regions are kept; None if no area or move needs them.
    """
    sample = {i: prepare(dataset, i, wanted) for i in _sampled(dataset)}
    good = [made for made in sample.values() if not isinstance(made, BadImage)]
    references = {}
    for key, spec in wanted.specs.items():
        means = [made[key].image.mean(axis=(1, 2), dtype=np.float64) for made in good]
        mean = np.mean(means, axis=0) if means else np.zeros(spec.channels)
        references[key] = Reference(torch.tensor(mean, dtype=torch.float32))
    found: dict[tuple[Geometry, Roi], Typical] = {}
    if store is not None:
        found = _typical(dataset, wanted, sample, store)
    return Context(dataset, wanted, seed, sample, references, found)


def donor(dataset: Dataset, index: int, seed: int, candidates: list[int]) -> int | None:
    """One of the candidates that is of another patient, by hash; None if there is none."""
    patient = dataset.cases[index].patient
    others = [i for i in candidates if dataset.cases[i].patient != patient]
    if not others:
        return None
    return others[_seed(f"{seed}/{dataset.digest}/donor/{index}") % len(others)]


def lenders(dataset: Dataset, seed: int, used: NDArray[np.bool_]) -> list[int | None]:
    """The donor of every image of a data set.

    Args:
        dataset: The data set.
        seed: The run's seed.
        used: Which of its images can be read.
    """
    candidates = [i for i in _sampled(dataset) if used[i]]
    return [donor(dataset, i, seed, candidates) for i in range(len(dataset.cases))]


def fill_seed(seed: int, dataset: Dataset, masking: Masking, index: int) -> int:
    """The seed of one image's random fill: of the run's seed and the request, nothing else."""
    return _seed(f"{seed}/{dataset.digest}/{masking.digest}/{index}")


def _sampled(dataset: Dataset) -> list[int]:
    return _drawn(dataset, range(len(dataset.cases)), _SAMPLE)


def _drawn(dataset: Dataset, candidates: Sequence[int], count: int) -> list[int]:
    """Some of the images, in order, by hash.

    Every n-th would be of one class, or one view, in a data set that lists them in turn.
    """
    ranked = sorted(candidates, key=lambda i: _hash(f"{dataset.digest}/sample/{i}"))
    return sorted(ranked[:count])


def _seed(text: str) -> int:
    return int.from_bytes(_hash(text)[:4])


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _typical(
    dataset: Dataset, wanted: Wanted, sample: dict[int, Made], store: EvidenceStore
) -> dict[tuple[Geometry, Roi], Typical]:
    """Typical regions from the first image of some patients, drawn by hash; kept in the store."""
    keys = {
        (key, roi): canonical_digest(
            ["typical", ENGINE_VERSION, dataset.digest, list(key), roi, _PATIENTS]
        )
        for key in wanted.specs
        for roi in wanted.rois
    }
    # Only one of several processes looks; the others wait for what it finds.
    with store.claim(f"{dataset.digest[:16]}-typical", wait=True):
        stored = {place: store.read(digest) for place, digest in keys.items()}
        if any(arrays is None for arrays in stored.values()):
            for place, found in _look(dataset, wanted, sample).items():
                arrays = {
                    "population": found.population,
                    "centre": np.array(found.centre),
                    "window": found.window,
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


def _look(
    dataset: Dataset, wanted: Wanted, sample: dict[int, Made]
) -> dict[tuple[Geometry, Roi], Typical]:
    firsts = list({c.patient: i for i, c in reversed(list(enumerate(dataset.cases)))}.values())
    regions: dict[tuple[Geometry, Roi], list[Region]] = {
        (key, roi): [] for key in wanted.specs for roi in wanted.rois
    }
    for index in _drawn(dataset, firsts, _PATIENTS):
        made = sample.get(index) or prepare(dataset, index, wanted)
        if not isinstance(made, BadImage):
            for (key, roi), found in regions.items():
                found.append(made[key].distances[roi, "own"] < 0)
    return {
        (key, roi): typical(found or [np.zeros(key[0], np.bool_)])
        for (key, roi), found in regions.items()
    }
