"""Phantoms as a data set."""

from __future__ import annotations

from audit_suite.cards import DatasetCard, canonical_digest
from audit_suite.datasets.dataset import Case, Dataset, Sample
from audit_suite.phantoms import GENERATOR_VERSION, cohort, render


def read_phantom(card: DatasetCard) -> Dataset:
    """Generate the data set of a card's ``phantom`` section; images are drawn when read.

    Raises:
        AuditError: If the card names a target, region or shortcut that the phantom has not.
    """
    spec = card.phantom
    assert spec is not None, "the card's validation guarantees it"
    patients = cohort(spec, tuple(card.targets))
    cases = tuple(
        Case(
            id=found.id,
            patient=found.patient,
            labels=found.labels,
            metadata={key: str(value) for key, value in found.metadata.items()},
            row=number,
        )
        for number, found in enumerate(patients, start=1)
    )

    def read(index: int) -> Sample:
        image, regions = render(spec, patients[index])
        return Sample(image, regions)

    content = [GENERATOR_VERSION, spec.model_dump(mode="json"), sorted(card.targets)]
    return Dataset(card=card, digest=canonical_digest(content), cases=cases, read=read)
