"""From a card to a data set: the reader it names, the checks that hold for all readers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from audit_suite.cards import DatasetCard, canonical_digest, internal_card
from audit_suite.datasets.adapters import ADAPTERS
from audit_suite.datasets.case_mix import case_mix
from audit_suite.datasets.dataset import Case, Dataset
from audit_suite.datasets.entries import one_side
from audit_suite.datasets.manifest import read_manifest
from audit_suite.datasets.phantom import read_phantom
from audit_suite.errors import AuditError
from audit_suite.record import DatasetRecord, TargetRecord


def load_dataset(card: DatasetCard, max_cases: int | None = None) -> Dataset:
    """Load a data set by its card.

    Args:
        card: The card.
        max_cases: Keep about so many images of whole patients, chosen by a hash (smoke runs).

    Raises:
        AuditError: If the card's files are wrong; all problems of a manifest at once.
    """
    readers = {"phantom": read_phantom, "manifest": read_manifest, **ADAPTERS}
    dataset = readers[card.reader](card)
    if card.holdout is not None and card.reader == "phantom":
        # Readers of files hold out as they read, from all patients that their lists name.
        patients = one_side(
            card.path, card.holdout, card.split, [case.patient for case in dataset.cases]
        )
        kept = [index for index, case in enumerate(dataset.cases) if case.patient in patients]
        dataset = _subset(dataset, kept)
    if max_cases is not None and max_cases < len(dataset.cases):
        dataset = _sample(dataset, max_cases)
    for target in card.targets:
        found = {case.labels[target] for case in dataset.cases}
        if found != {0, 1}:
            only = f"only label {found.pop()}" if found else "no image at all"
            raise AuditError(
                f"{card.path}: target '{target}' has {only} after split and filter",
                "a discrimination needs both classes: change split or filter, or drop the target",
            )
    return dataset


def describe(dataset: Dataset) -> DatasetRecord:
    """A data set for the record: counts and provenance, nothing of a patient."""
    card = dataset.card
    targets = {}
    for name, target in card.targets.items():
        positive = [case for case in dataset.cases if case.labels[name] == 1]
        targets[name] = TargetRecord(
            n_images=len(dataset.cases),
            n_patients=len({case.patient for case in dataset.cases}),
            n_positive_images=len(positive),
            n_positive_patients=len({case.patient for case in positive}),
            roi=list(target.roi),
        )
    return DatasetRecord(
        name=card.name,
        digest=dataset.digest,
        description=card.description,
        modality=card.modality,
        licence=card.licence,
        citation=card.citation,
        n_images=len(dataset.cases),
        n_patients=len({case.patient for case in dataset.cases}),
        targets=targets,
        excluded=list(dataset.excluded),
        internal=None if (internal := internal_card(card)) is None else internal.name,
        case_mix=case_mix(dataset.cases, card.metadata),
    )


def _sample(dataset: Dataset, max_cases: int) -> Dataset:
    """Whole patients by hash, taken in turn from every combination of labels that occurs."""
    strata: dict[tuple[int, ...], list[str]] = {}
    images: dict[str, list[int]] = {}
    for index, case in enumerate(dataset.cases):
        images.setdefault(case.patient, []).append(index)
    for patient, indices in images.items():
        stratum = tuple(
            max(dataset.cases[i].labels[target] for i in indices) for target in dataset.card.targets
        )
        strata.setdefault(stratum, []).append(patient)
    queues = [
        sorted(patients, key=lambda patient: _rank(dataset, patient), reverse=True)
        for _, patients in sorted(strata.items())
    ]
    kept: list[int] = []
    while any(queues):
        for queue in queues:
            if queue and len(kept) + len(images[queue[-1]]) <= max_cases:
                kept += images[queue.pop()]
            else:
                queue.clear()
    return _subset(dataset, sorted(kept))


def _rank(dataset: Dataset, patient: str) -> bytes:
    return hashlib.sha256(f"{dataset.digest}/{patient}".encode()).digest()


def _subset(dataset: Dataset, indices: list[int]) -> Dataset:
    cases: tuple[Case, ...] = tuple(dataset.cases[index] for index in indices)
    return replace(
        dataset,
        cases=cases,
        digest=canonical_digest([dataset.digest, indices]),
        read=lambda index: dataset.read(indices[index]),
    )
