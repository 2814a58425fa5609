"""Which cases a card selects: by its filter, its random holdout, and the limit of a smoke run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from audit_suite.cards import DatasetCard, Holdout, canonical_digest
from audit_suite.datasets.dataset import Dataset, labels_of
from audit_suite.datasets.reading import read_by
from audit_suite.errors import AuditError


def passes_filter(card: DatasetCard, metadata: Mapping[str, str]) -> bool:
    """Whether an image's metadata pass the card's ``filter``."""
    return all(
        metadata[name] in ({wanted} if isinstance(wanted, str) else wanted)
        for name, wanted in card.filter.items()
    )


def one_side(card: Path, holdout: Holdout, split: str | None, patients: Iterable[str]) -> set[str]:
    """The patients of one side of a random split (Sourget et al. 2024: 20 %, seed 1907).

    Args:
        card: The card's file, for messages.
        holdout: Share and seed.
        split: Which side: "test", or else the rest.
        patients: All of them, in any order, each once or several times.

    Raises:
        AuditError: If there are too few for two sides.
    """
    from sklearn.model_selection import GroupShuffleSplit

    groups = sorted(set(patients))
    splitter = GroupShuffleSplit(1, test_size=holdout.share, random_state=holdout.seed)
    try:
        train, test = next(splitter.split(groups, groups=range(len(groups))))
    except ValueError:
        raise AuditError(
            f"{card}: key 'holdout': {len(groups)} patients cannot be split in two",
            "check that the data set is complete, or drop the key",
        ) from None
    return {groups[index] for index in (test if split == "test" else train)}


def selected(dataset: Dataset) -> Dataset:
    """The cases that pass the card's filter and are on its side of the holdout.

    For readers that do not select rows themselves. Patients are held out of all that were read.
    """
    card = dataset.card
    if card.holdout is None and not card.filter:
        return dataset
    patients = {case.patient for case in dataset.cases}
    if card.holdout is not None:
        patients = one_side(card.path, card.holdout, card.split, patients)
    kept = [
        index
        for index, case in enumerate(dataset.cases)
        if case.patient in patients and passes_filter(card, case.metadata)
    ]
    return _subset(dataset, kept)


def sampled(dataset: Dataset, max_cases: int) -> Dataset:
    """About so many images of whole patients, chosen by a hash.

    Patients are taken in turn from every combination of labels that occurs; to have none is one.
    """
    strata: dict[tuple[int, ...], list[str]] = {}
    images: dict[str, list[int]] = {}
    for index, case in enumerate(dataset.cases):
        images.setdefault(case.patient, []).append(index)
    labels = [labels_of(dataset.cases, target) for target in dataset.card.targets]
    for patient, indices in images.items():
        stratum = tuple(int(of_target[indices].max()) for of_target in labels)
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
    return replace(_subset(dataset, sorted(kept)), sampled_from=dataset)


def _rank(dataset: Dataset, patient: str) -> bytes:
    return hashlib.sha256(f"{dataset.digest}/{patient}".encode()).digest()


def _subset(dataset: Dataset, indices: list[int]) -> Dataset:
    read = dataset.read
    return replace(
        dataset,
        cases=tuple(dataset.cases[index] for index in indices),
        digest=canonical_digest([dataset.digest, indices]),
        read=read_by(read, lambda i: read(indices[i]), lambda i: indices[i]),
    )
