"""Training images brought to a model's input once, kept on disk, and shared by all its runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.cards import DatasetCard, InputSpec, canonical_digest, load_dataset_card
from audit_suite.datasets import BadImage, Dataset, load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.context import measure
from audit_suite.evidence.prepare import Wanted, geometry, prepare_chunks
from audit_suite.evidence.source import ENGINE_VERSION
from audit_suite.maskings.apply import Reference

_CHUNK = 64


@dataclass(frozen=True)
class Prepared:
    """The usable images of a training set, decoded once for all maskings and folds.

    Attributes:
        images: Shape (n, C, H, W), float32 in [0, 1], on disk.
        distances: Signed distance to the ROI, shape (n, H, W), int16, on disk.
        labels: Shape (n, T), 0 or 1.
        patients: Shape (n,).
        reference: What fills may know of the data set.
        digest: Of everything above.
    """

    images: NDArray[np.float32]
    distances: NDArray[np.int16]
    labels: Tensor
    patients: NDArray[np.str_]
    reference: Reference
    digest: str

    def batch(self, indices: NDArray[np.int_]) -> tuple[Tensor, Tensor, Tensor]:
        """Images, distances and labels of some cases."""
        return (
            torch.from_numpy(np.array(self.images[indices])),
            torch.from_numpy(np.array(self.distances[indices])),
            self.labels[torch.from_numpy(indices)],
        )


def prepare_training(
    card_path: Path,
    targets: tuple[str, ...],
    roi: tuple[str, ...] | None,
    spec: InputSpec,
    folder: Path,
    progress: Callable[[str], None],
) -> Prepared:
    """Load a training set; its images are decoded unless ``folder`` holds them already.

    Args:
        card_path: Data set card.
        targets: Targets to learn, in the order of the outputs.
        roi: Region that maskings are of; None for the one that all targets declare.
        spec: The model's input; the audit prepares its images by the same code.
        folder: Where prepared images are kept.
        progress: Called with a line of text now and then.

    Raises:
        AuditError: If the card, a target or an image is wrong.
    """
    card = load_dataset_card(card_path)
    roi = roi or common_roi(card, targets)
    dataset = load_dataset(card)
    wanted = Wanted({geometry(spec): spec}, [(roi, "own")])
    digest = canonical_digest([ENGINE_VERSION, dataset.digest, spec.model_dump(mode="json"), roi])
    names = ("images", "distances", "used", "mean")
    files = {name: folder / f"{digest[:16]}-{name}.npy" for name in names}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _decode(dataset, wanted, files, progress)
    used = np.load(files["used"])
    kept = [case for case, good in zip(dataset.cases, used, strict=True) if good]
    labels = [[float(case.labels[target]) for target in targets] for case in kept]
    return Prepared(
        images=np.load(files["images"], mmap_mode="r"),
        distances=np.load(files["distances"], mmap_mode="r"),
        labels=torch.tensor(labels),
        patients=np.array([case.patient for case in kept]),
        reference=Reference(torch.from_numpy(np.load(files["mean"]))),
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
            "say which region is masked: the recipe's key 'data.roi'",
        )
    return next(iter(rois))


def _decode(
    dataset: Dataset, wanted: Wanted, files: dict[str, Path], progress: Callable[[str], None]
) -> None:
    """Decode every image once; files appear under their names only when complete."""
    (key, spec), (area,) = *wanted.specs.items(), wanted.areas
    count = len(dataset.cases)
    aside = {name: file.with_name(f"{file.stem}.{os.getpid()}.tmp") for name, file in files.items()}
    images = np.lib.format.open_memmap(
        aside["images"], "w+", np.float32, (count, spec.channels, *spec.size)
    )
    distances = np.lib.format.open_memmap(aside["distances"], "w+", np.int16, (count, *spec.size))
    used: NDArray[np.bool_] = np.ones(count, np.bool_)
    place = 0
    context = measure(dataset, wanted, seed=0, store=None)
    for chunk, prepared in prepare_chunks(context.make, range(count), _CHUNK, os.cpu_count() or 1):
        for index, image in zip(chunk, prepared, strict=True):
            if isinstance(image, BadImage):
                if dataset.card.on_bad_image == "error":
                    raise image
                used[index] = False
                continue
            images[place], distances[place] = image[key].image, image[key].distances[area]
            place += 1
        if chunk[-1] + 1 == count or (chunk[0] // _CHUNK) % 20 == 19:
            progress(f"{dataset.card.name}: {chunk[-1] + 1}/{count} images prepared")
    images.flush()
    distances.flush()
    mean = context.references[key].mean.numpy()
    for name, array in (("used", used), ("mean", mean)):
        with aside[name].open("wb") as file:
            np.save(file, array)
    for name, file_ in files.items():
        aside[name].replace(file_)
