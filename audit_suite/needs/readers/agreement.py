"""Whether readers agree: with each other, and each with themself on hidden repeats (H4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.needs.readers.answers import (
    UNSURE,
    OfReadings,
    Read,
    maskings_read,
    read_images,
    repeated,
)
from audit_suite.readings import LEVELS
from audit_suite.statistics import Estimate, estimate_ac1, estimate_fleiss, estimate_kappa
from audit_suite.verdict import NotApplicable

RATINGS = (*range(-LEVELS, 0), UNSURE, *range(1, LEVELS + 1))


@dataclass(frozen=True)
class ReaderAgreement(OfReadings):
    """Agreement between readers by masking, and of each reader with themself (H4).

    Between readers Fleiss' kappa of the finding, Gwet's AC1, which a rare finding does not depress,
    and for two readers the kappa of their ratings, weighted by squares; within a reader the same
    kappa over the hidden repeats of all maskings.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "reader-agreement"

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """Estimates placed by ``masking`` or ``reader``, and ``measure``.

        Raises:
            NotApplicable: If there are no readings, or nothing was read twice or by two.
            AuditError: If the data set is not what was read.
        """
        estimates = []
        for masking in maskings_read(cell, source):
            read = read_images(cell, source, masking)
            where = masking.label or "in full"
            for name, estimate in _between(read, where):
                estimates.append(estimate.placed(masking=masking.id, measure=name))
        estimates += _within(cell, source)
        if not estimates:
            raise NotApplicable(
                "no image was read by two readers, or twice by one, with any variation"
            )
        return tuple(estimates)


def _within(cell: Cell, source: EvidenceSource) -> Iterator[Estimate]:
    patients = np.array([case.patient for case in source.dataset(cell.dataset).cases])
    digest = source.dataset(cell.dataset).digest
    for reader, pairs in repeated(cell, source).items():
        try:
            first, second, index = pairs
            names = patients[index.astype(int)]
            label = f"{reader} with themself, weighted kappa of repeats"
            kappa = estimate_kappa(first, second, names, digest, label, "quadratic", RATINGS)
        except (NotApplicable, AuditError):
            continue  # too few repeats, or all alike: nothing can be said
        yield kappa.placed(reader=reader, measure="repeats")


def _between(read: Read, where: str) -> Iterator[tuple[str, Estimate]]:
    if len(read.readers) < 2:
        return
    # As found, or not: what cannot be read was not found.
    found = np.where(np.isfinite(read.ratings), read.ratings > UNSURE, np.nan).T
    kinds = {"Fleiss' kappa": estimate_fleiss, "Gwet's AC1": estimate_ac1}
    for name, make in kinds.items():
        try:
            yield name, make(found, read.patients, read.dataset, f"{name} of readers, {where}")
        except (NotApplicable, AuditError):
            continue  # all alike, or too few: nothing can be said
    if len(read.readers) == 2:
        first, second = read.ratings
        label = f"weighted kappa of two readers, {where}"
        try:
            yield (
                "weighted kappa",
                estimate_kappa(
                    first, second, read.patients, read.dataset, label, "quadratic", RATINGS
                ),
            )
        except (NotApplicable, AuditError):
            return
