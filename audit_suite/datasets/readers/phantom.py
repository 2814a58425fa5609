"""Phantoms: synthetic patients, drawn when they are read."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.cards import DatasetCard, PhantomSpec, canonical_digest
from audit_suite.datasets.dataset import Case, Dataset, Sample
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.datasets.reading import Reading


@dataclass(frozen=True)
class Phantom(Reader):
    """The patients that a card's section ``phantom`` describes."""

    name: str = "phantom"

    def check(self, card: DatasetCard) -> None:
        """Require the section ``phantom``, and no regions beside those that are drawn."""
        super().check(card)
        _spec(card)
        if card.regions:
            raise ValueError(f"reader '{self.name}' draws its own regions: drop 'regions'")

    def regions(self, card: DatasetCard) -> frozenset[str]:
        """Everything that is drawn in this kind of phantom."""
        from audit_suite.phantoms import REGIONS

        return frozenset(REGIONS[_spec(card).kind])

    def read(self, card: DatasetCard) -> Dataset:
        """Draw the patients; images are drawn when they are read.

        Raises:
            AuditError: If the card names a target, region or shortcut that the phantom lacks.
        """
        from audit_suite.phantoms import GENERATOR_VERSION, cohort, render

        spec = _spec(card)
        patients = cohort(spec, tuple(card.targets))
        cases = tuple(
            Case(
                id=patient.id,
                patient=patient.patient,
                labels={} if card.unlabelled else patient.labels,
                metadata={key: str(value) for key, value in patient.metadata.items()},
                row=number,
            )
            for number, patient in enumerate(patients, start=1)
        )

        def read(index: int) -> Sample:
            image, regions = render(spec, patients[index])
            return Sample(image, regions)

        content = [GENERATOR_VERSION, spec.model_dump(mode="json"), sorted(card.targets)]
        content += _code(spec)
        content += ["unlabelled"] if card.unlabelled else []
        digest = canonical_digest(content)
        reading = Reading(read, lambda index: canonical_digest([digest, index]))
        return Dataset(card=card, digest=digest, cases=cases, read=reading)


def _spec(card: DatasetCard) -> PhantomSpec:
    if card.phantom is None:
        raise ValueError(f"reader '{card.reader}' needs the key 'phantom'")
    return card.phantom


def _code(spec: PhantomSpec) -> list[tuple[str, str]]:
    """Fingerprints of the extensions' shortcuts that a phantom plants; they decide its images."""
    from audit_suite.phantoms.shortcut import SHORTCUTS

    planted = {shortcut.name for shortcut in spec.shortcuts}
    planted |= {name for tie in spec.metadata if tie.key == "site" for name in tie.shows}
    prints = [(name, SHORTCUTS.fingerprint(name)) for name in sorted(planted)]
    return [(name, fingerprint) for name, fingerprint in prints if fingerprint]


register_reader(Phantom())
