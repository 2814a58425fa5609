"""Training images, prepared once for a model's input, kept on disk and shared by all runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.cards import DatasetCard, InputSpec, canonical_digest, load_dataset_card
from audit_suite.datasets import BadImage, load_dataset
from audit_suite.datasets.dataset import labels_of
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceStore
from audit_suite.evidence.cores import usable_cores
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepare import prepare_chunks
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.scores.survey import Survey, survey_for
from audit_suite.maskings import Masking
from audit_suite.maskings.fill import fill_fingerprint
from audit_suite.maskings.masking import Area, Names
from audit_suite.maskings.show import Batch, Context, show
from audit_suite.registry import FILLS

_CHUNK = 64


@dataclass(frozen=True, repr=False)
class TrainingImages(Discreet):
    """The usable images of a training set, decoded once for all maskings and folds.

    Attributes:
        images: Shape (n, C, H, W), float32 in [0, 1], on disk.
        distances: Signed distance to every masked area, shape (n, H, W), int16, on disk.
        positions: Shape (n,), indices of the images in the data set.
        labels: Shape (n, T), 0, 1, or `UNLABELLED`.
        patients: Shape (n,).
        roi: The region that is masked.
        context: What maskings may know of the data set.
        seed: The run's seed; decides donors, areas off the region and random fills.
        digest: SHA-256 of images, own regions and labels.
    """

    images: NDArray[np.float32]
    distances: Mapping[Area, NDArray[np.int16]]
    positions: NDArray[np.int_]
    labels: Tensor
    patients: NDArray[np.str_]
    roi: Names
    context: Context
    seed: int
    digest: str

    def digest_of(self, masking: Masking) -> str:
        """SHA-256 of everything that determines what a model is shown under a masking.

        If the masking fills the image's own region deterministically, it is the digest of the
        images: nothing else can change what is shown.
        """
        fill = FILLS[masking.fill]
        extension = fill_fingerprint(masking.fill)
        chance = fill.random or fill.needs_donor
        if masking.stays_in_place and not chance and not extension:
            return self.digest
        return canonical_digest([self.digest, self.seed, extension])

    def shown(self, masking: Masking, indices: NDArray[np.int_], device: str) -> Tensor:
        """Masked images of some cases, shape (B, C, H, W), in [0, 1]."""

        def read(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.array(array[indices])).to(device)

        masking = masking.of(self.roi)
        areas = {masking.own_area, masking.area} if masking.hides else set()
        distances = {area: read(self.distances[area]) for area in areas}
        batch = Batch(self.positions[indices].tolist(), read(self.images), distances)
        return show(masking, batch, self.context).images

    def labels_of(self, indices: NDArray[np.int_], device: str) -> Tensor:
        """Their labels, shape (B, T)."""
        return self.labels[torch.from_numpy(indices)].to(device)


def prepare_training(
    card_path: Path,
    targets: tuple[str, ...],
    roi: Names | None,
    spec: InputSpec,
    maskings: Sequence[Masking],
    seed: int,
    folder: Path,
    progress: Callable[[str], None],
) -> TrainingImages:
    """Load a training set; its images are decoded unless ``folder`` holds them already.

    Args:
        card_path: Data set card.
        targets: Targets to learn, in the order of the outputs.
        roi: Region that is masked; None for the one that all targets declare.
        spec: The model's input; the audit prepares its images with the same code.
        maskings: All maskings that will be shown.
        seed: Decides donors, areas off the region and random fills.
        folder: Where prepared images are kept.
        progress: Called with a line of text now and then.

    Raises:
        AuditError: If the card, a target or an image is wrong.
    """
    card = load_dataset_card(card_path)
    roi = roi or common_roi(card, targets)
    dataset = load_dataset(card)
    shown = [masking.of(roi) for masking in maskings]
    areas = sorted({(roi, "own"), *(m.area for m in shown if m.hides)})
    wanted = Wanted({geometry(spec): spec}, areas)
    digest = canonical_digest([ENGINE_VERSION, dataset.digest, spec.model_dump(mode="json"), roi])
    names = ("images", "used", *(_distances(area, seed) for area in areas))
    files = {name: folder / f"{digest[:16]}-{name}.npy" for name in names}
    survey = survey_for(dataset, wanted, shown, seed, EvidenceStore(folder / "survey"))
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _decode(survey, files, progress)
    used = np.load(files["used"])
    kept = [case for case, good in zip(dataset.cases, used, strict=True) if good]
    labels = np.stack([labels_of(kept, target) for target in targets], axis=1)
    return TrainingImages(
        images=np.load(files["images"], mmap_mode="r"),
        distances={area: np.load(files[_distances(area, seed)], mmap_mode="r") for area in areas},
        positions=np.flatnonzero(used),
        labels=torch.tensor(labels, dtype=torch.float32),
        patients=np.array([case.patient for case in kept]),
        roi=roi,
        context=survey.at(geometry(spec)),
        seed=seed,
        digest=canonical_digest([digest, list(targets)]),
    )


def common_roi(card: DatasetCard, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The ROI that all targets declare.

    Raises:
        AuditError: If a target is missing, none is declared, or they differ.
    """
    if missing := sorted(set(targets) - set(card.targets)):
        raise AuditError(
            f"{card.path} has no target {missing}; it has {sorted(card.targets)}",
            "correct the recipe's key 'data.targets'",
        )
    rois = {card.targets[target].roi for target in targets}
    if len(rois) > 1 or not next(iter(rois)):
        raise AuditError(
            f"{card.path}: the targets {list(targets)} do not share one declared ROI",
            "name the region to mask: the recipe's key 'data.roi'",
        )
    return next(iter(rois))


def _distances(area: Area, seed: int) -> str:
    """The name of the array of distances to an area; donors and places depend on the seed."""
    _, whose = area
    return "distances-own" if whose == "own" else f"distances-{whose}-{seed}"


def _decode(survey: Survey, files: dict[str, Path], progress: Callable[[str], None]) -> None:
    """Decode every image once; files get their final names only when they are complete."""
    dataset, wanted = survey.dataset, survey.wanted
    ((key, spec),) = wanted.specs.items()
    count = len(dataset.cases)
    aside = {name: file.with_name(f"{file.stem}.{os.getpid()}.tmp") for name, file in files.items()}
    images = np.lib.format.open_memmap(
        aside["images"], "w+", np.float32, (count, spec.channels, *spec.size)
    )
    distances = {
        area: np.lib.format.open_memmap(
            aside[_distances(area, survey.seed)], "w+", np.int16, (count, *spec.size)
        )
        for area in wanted.areas
    }
    used: NDArray[np.bool_] = np.ones(count, np.bool_)
    place = 0
    sizes = [_CHUNK] * -(-count // _CHUNK)
    for chunk, prepared in prepare_chunks(survey.make, range(count), sizes, usable_cores()):
        for index, image in zip(chunk, prepared, strict=True):
            if isinstance(image, BadImage):
                if dataset.card.on_bad_image == "error":
                    raise image
                used[index] = False
                continue
            images[place] = image[key].image
            for area, distance in distances.items():
                distance[place] = image[key].distances[area]
            place += 1
        if chunk[-1] + 1 == count or (chunk[0] // _CHUNK) % 20 == 19:
            progress(f"{dataset.card.name}: {chunk[-1] + 1}/{count} images prepared")
    for array in (images, *distances.values()):
        array.flush()
    with aside["used"].open("wb") as file:
        np.save(file, used)
    for name, path in files.items():
        aside[name].replace(path)
