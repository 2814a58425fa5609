"""Whether readers agree with each other, and with themselves on hidden repeats (H4)."""

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
    """Agreement between readers by masking, and within each reader (H4).

    Between readers: Fleiss' kappa of the finding, Gwet's AC1, which a rare finding does not
    depress, and for two readers the quadratically weighted kappa of their ratings. Within a reader:
    the weighted kappa over the hidden repeats of all maskings.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "reader-agreement"

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """Estimates placed by ``masking`` or ``reader``, and ``measure``.

        Raises:
            NotApplicable: If there are no readings, or no image was read twice or by two readers.
            AuditError: If the data set has changed since it was read.
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
    patients = source.dataset(cell.dataset).patients
    digest = source.dataset(cell.dataset).digest
    for reader, pairs in repeated(cell, source).items():
        try:
            first, second, index = pairs
            names = patients[index.astype(int)]
            label = f"weighted kappa of {reader}'s repeats"
            kappa = estimate_kappa(first, second, names, digest, label, "quadratic", RATINGS)
        except (NotApplicable, AuditError):
            continue  # too few repeats, or no variation
        yield kappa.placed(reader=reader, measure="repeats")


def _between(read: Read, where: str) -> Iterator[tuple[str, Estimate]]:
    if len(read.readers) < 2:
        return
    # Present or absent: an image that cannot be read counts as absent.
    present = np.where(np.isfinite(read.ratings), read.ratings > UNSURE, np.nan).T
    kinds = {"Fleiss' kappa": estimate_fleiss, "Gwet's AC1": estimate_ac1}
    for name, make in kinds.items():
        try:
            yield name, make(present, read.patients, read.dataset, f"{name} of readers, {where}")
        except (NotApplicable, AuditError):
            continue  # too few images, or no variation
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
