"""How far masking moves images in the model's embedding (C7): reported, never a cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.discreet import Discreet
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.classifier import cross_validated_auroc, logistic, scaler
from audit_suite.needs.scores.cell_scores import held_out_folds
from audit_suite.statistics import Estimate, estimate_mean, mean_of_folds
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Departure:
    """Cosine distance of masked to full embedding, in units of the distance between patients."""

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``departure``."""
        return f"departure-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Embeddings of full and masked images."""
        return *cell.requests(Full()), *cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean distance; 1 is the median distance of two patients' full images.

        Raises:
            NotApplicable: If the card names no embedding layer.
        """

        def distance(seen: Embedded) -> Estimate:
            full, masked = seen.under
            apart = np.median(1 - cosines(full, np.roll(full, len(full) // 2, axis=0)))
            return estimate_mean(
                (1 - cosines(full, masked)) / max(float(apart), 1e-12),
                seen.patients,
                seen.dataset,
                label=f"embedding distance {self.masking.label} (between patients: 1)",
            )

        return over_folds(cell, source, distance, Full(), self.masking)


@dataclass(frozen=True)
class Domain:
    """AUROC of a classifier of masked against full embeddings; near 1 for most maskings."""

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``domain``."""
        return f"domain-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Embeddings of full and masked images."""
        return *cell.requests(Full()), *cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on unseen patients, with the one-sided ``p`` above .5.

        Raises:
            NotApplicable: If the card names no embedding layer, or there are too few patients.
        """

        def separation(seen: Embedded) -> Estimate:
            return cross_validated_auroc(
                np.concatenate(seen.under),
                np.repeat([0, 1], len(seen.patients)),
                np.concatenate([seen.patients, seen.patients]),
                seen.dataset,
                logistic("domain", scaler),
                source.profile.seed,
                label=f"AUROC of a classifier of images {self.masking.label} against full ones",
            )

        estimate = over_folds(cell, source, separation, Full(), self.masking)
        p_value = estimate.scale.p_above(0.5)
        # Its positives are masked images, not patients with the finding.
        return replace(estimate, n_positives=None).placed(
            masking=self.masking.id, p=p_value, classifier="domain"
        )


@dataclass(frozen=True, repr=False)
class Embedded(Discreet):
    """Embeddings from one fold of a model.

    Attributes:
        under: One array per masking, shape (n, width).
        patients: Shape (n,), their numbers (`Dataset.patients`).
        dataset: Digest of the data set.
        used: Shape (all images,), true for the images of the data set that these are.
    """

    under: tuple[Floats, ...]
    patients: NDArray[np.int_]
    dataset: str
    used: NDArray[np.bool_]


def embedded(cell: Cell, source: EvidenceSource, *maskings: Masking) -> list[Embedded]:
    """Embeddings of a cell's usable, labelled images, one entry per fold: folds share no axes.

    Folds that share one trunk give one entry. A fold that is held out from some images gives those
    images only.

    Raises:
        NotApplicable: If the card names no embedding layer.
        AuditError: If the evidence is missing and cannot be computed.
    """
    dataset = source.dataset(cell.dataset)
    labelled = dataset.labels_of(cell.target) != UNLABELLED
    folds = []
    for requests in zip(*(cell.requests(masking) for masking in maskings), strict=True):
        tables = [source.read(request) for request in requests]
        arrays = [read for table in tables if (read := table.embeddings) is not None]
        if len(arrays) < len(tables):
            raise NotApplicable(
                f"model card '{cell.model.name}' names no layer to take embeddings from "
                f"(key embedding_layer)"
            )
        folds.append((arrays, np.all([labelled, *(t.used for t in tables)], axis=0)))
    same = all(
        np.array_equal(array, first, equal_nan=True)
        for arrays, _ in folds
        for array, first in zip(arrays, folds[0][0], strict=True)
    )
    unseen = None if same else held_out_folds(cell, source)
    entries = []
    for fold, (arrays, usable) in enumerate(folds[:1] if same else folds):
        used = usable if unseen is None else usable & (unseen == fold)
        under = tuple(array[used].astype(np.float64) for array in arrays)
        entries.append(Embedded(under, dataset.patients[used], dataset.digest, used))
    return entries


def over_folds(
    cell: Cell,
    source: EvidenceSource,
    estimate: Callable[[Embedded], Estimate],
    *maskings: Masking,
) -> Estimate:
    """The mean over folds of an estimate from one fold's embeddings.

    Args:
        cell: Model, data set and target.
        source: Stored evidence.
        estimate: Function from the embeddings of one fold to its estimate.
        *maskings: Those of ``Embedded.under``, in this order.

    Raises:
        NotApplicable: As `embedded`.
    """
    each = [estimate(seen) for seen in embedded(cell, source, *maskings)]
    mean = mean_of_folds(each)
    if cell.average == "held-out":  # each fold has images of its own
        mean = replace(mean, n_images=sum(one.n_images for one in each))
    return mean


def cosines(a: Floats, b: Floats) -> Floats:
    """Cosine similarity row by row, shape (n,); 0 where a row is 0."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    similarity: Floats = (a * b).sum(axis=1) / np.maximum(lengths, 1e-12)
    return similarity
