"""How far masking takes an image off what the model knows (C7): reported, never a cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Full, Masking
from audit_suite.needs.classifier import cross_validated_auroc, logistic
from audit_suite.statistics import Estimate, estimate_mean
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

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """Embeddings of full and masked images."""
        return *cell.requests(Full()), *cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean distance; 1 is as far as another patient's image.

        Raises:
            NotApplicable: If the card names no embedding layer.
        """
        full, masked, patients, digest = _embeddings(cell, source, self.masking)
        apart = np.median(_cosine_distance(full, np.roll(full, len(full) // 2, axis=0)))
        return estimate_mean(
            _cosine_distance(full, masked) / max(float(apart), 1e-12),
            patients,
            digest,
            label=f"distance of embeddings {self.masking.label}, between patients = 1",
        )


@dataclass(frozen=True)
class Domain:
    """AUROC of a classifier that tells masked embeddings from full ones; 1 for most maskings."""

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id behind ``domain``."""
        return f"domain-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """Embeddings of full and masked images."""
        return *cell.requests(Full()), *cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on unseen patients.

        Raises:
            NotApplicable: If the card names no embedding layer, or there are too few patients.
        """
        from sklearn.preprocessing import StandardScaler

        full, masked, patients, digest = _embeddings(cell, source, self.masking)
        return cross_validated_auroc(
            np.concatenate([full, masked]),
            np.repeat([0, 1], len(full)),
            np.concatenate([patients, patients]),
            digest,
            logistic("domain", StandardScaler()),
            source.profile.seed,
            label=f"AUROC of telling images {self.masking.label} from full ones",
        )


def departure(masking: Masking) -> Departure:
    """Need: how far ``masking`` moves embeddings, in units of the distance between patients."""
    return Departure(masking)


def domain(masking: Masking) -> Domain:
    """Need: how well embeddings under ``masking`` are told from those of full images."""
    return Domain(masking)


def _embeddings(
    cell: Cell, source: EvidenceSource, masking: Masking
) -> tuple[Floats, Floats, NDArray[np.str_], str]:
    dataset = source.dataset(cell.dataset)
    full, masked = (source.table(cell.requests(m)[0]) for m in (Full(), masking))
    if full.embeddings is None or masked.embeddings is None:
        raise NotApplicable(
            f"model card '{cell.model.name}' names no layer to take embeddings from "
            f"(key embedding_layer)"
        )
    used = full.used & masked.used
    patients = np.array([case.patient for case in dataset.cases])[used]
    return (
        full.embeddings[used].astype(np.float64),
        masked.embeddings[used].astype(np.float64),
        patients,
        dataset.digest,
    )


def _cosine_distance(a: Floats, b: Floats) -> Floats:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    distance: Floats = 1 - (a * b).sum(axis=1) / np.maximum(lengths, 1e-12)
    return distance
