"""A data set as the record shows it: counts and provenance, nothing of a patient."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.cards import internal_card
from audit_suite.datasets.case_mix import case_mix
from audit_suite.datasets.dataset import Dataset
from audit_suite.datasets.left_out import left_out
from audit_suite.record import DatasetRecord, TargetRecord


def describe(dataset: Dataset, unread: Sequence[str] = ()) -> DatasetRecord:
    """A data set for the record: counts and provenance, nothing of a patient.

    Args:
        dataset: The data set.
        unread: Why images could not be read, by row.
    """
    card = dataset.card
    hidden = sum(case.burned_in for case in dataset.cases)
    unseen = (f"{hidden} images have text burned in: they are audited, and never shown to people",)
    excluded = left_out((*dataset.excluded, *unread))
    targets = {}
    for name, target in card.targets.items():
        labelled = [case for case in dataset.cases if name in case.labels]
        positive = [case for case in labelled if case.labels[name] == 1]
        targets[name] = TargetRecord(
            n_images=len(labelled),
            n_patients=len({case.patient for case in labelled}),
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
        n_excluded=excluded.rows or None,
        excluded=excluded.why,
        notes=[*dataset.notes, *(unseen if hidden else ())],
        internal=None if (internal := internal_card(card)) is None else internal.name,
        case_mix=case_mix(dataset.cases, card.metadata),
    )
