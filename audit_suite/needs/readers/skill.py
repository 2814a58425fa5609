"""Skill of readers under each masking, and of the model against theirs (H1 to H3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Masking
from audit_suite.needs.readers.answers import (
    UNSURE,
    OfReadings,
    Read,
    maskings_read,
    model_scores,
    read_images,
    readings_of,
)
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.readings import FEWEST_READERS
from audit_suite.statistics import (
    Estimate,
    Exact,
    estimate_auroc,
    estimate_proportion,
    mean_over_random_readers,
    mean_over_readers,
)
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class AheadOfReaders(OfReadings):
    """AUROC of the model minus that of the readers, on the same images and masking (H2).

    Three readers or more are a sample of readers: `mean_over_random_readers` of each one's
    difference to the model, which is fixed (the single-modality analysis of Chakraborty, Observer
    Performance Methods, 2017). One or two readers are described as they are.
    """

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id."""
        return self.masking.id

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The difference, placed by ``masking`` and the number of ``readers``.

        Raises:
            NotApplicable: If too few images, or none, were read under the masking.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
            AuditError: If the data set has changed since it was read.
        """
        read = read_images(cell, source, self.masking)
        scored = cell_scores(cell, source, self.masking)
        refuse_ties(cell.model, scored, self.masking)
        scores = model_scores(scored, read)
        ahead = []
        for number, reader in enumerate(read.readers):
            kept = np.isfinite(read.ratings[number]) & np.isfinite(scores)
            if _enough(read, kept):
                theirs = _auroc(read, read.ratings[number], kept, reader)
                ahead.append(_auroc(read, scores, kept, "model") - theirs)
        if not ahead:
            raise NotApplicable("no reader has read two patients with and two without the finding")
        label = f"AUROC of the model minus the readers' {self.masking.label}".rstrip()
        mean = mean_over_random_readers if len(ahead) >= FEWEST_READERS else mean_over_readers
        return mean(ahead, label).placed(masking=self.masking.id, readers=float(len(ahead)))


@dataclass(frozen=True)
class Unanswered(OfReadings):
    """Number of items that a reader was given and did not answer, over all readers (H1)."""

    @property
    def id(self) -> str:
        """Its name."""
        return "unanswered"

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact:
        """The number of items.

        Raises:
            NotApplicable: If there are no readings.
            AuditError: If the data set has changed since it was read.
        """
        study = readings_of(cell, source)
        given = {reading.reader: len(reading.answers) for reading in study.readings}
        missing = sum(len(study.key.items_of(r)) - given.get(r, 0) for r in study.key.packs)
        return Exact("items without a reader's answer", float(missing), len(study.key.items))


@dataclass(frozen=True)
class ReaderSkill(OfReadings):
    """AUROC, sensitivity, specificity and unreadable share by masking and reader (H3).

    An image that cannot be read counts as wrong in both: it lowers sensitivity among positives and
    specificity among negatives. The model's AUROC on the same images is shown beside them.
    """

    @property
    def id(self) -> str:
        """Its name."""
        return "reader-skill"

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """Estimates placed by ``masking``, ``reader`` and ``measure``.

        ``reader`` is a reader's name, "mean" or "model".

        Raises:
            NotApplicable: If there are no readings, or too few.
            AuditError: If the data set has changed since it was read.
        """
        masks = maskings_read(cell, source)
        estimates = tuple(e for masking in masks for e in _skill(cell, source, masking))
        if not estimates:
            raise NotApplicable("no reader has read two patients with and two without the finding")
        return estimates


def _skill(cell: Cell, source: EvidenceSource, masking: Masking) -> Iterator[Estimate]:
    read = read_images(cell, source, masking)
    positive = read.labels == 1
    aurocs = []
    for number, reader in enumerate(read.readers):
        ratings = read.ratings[number]
        known = np.isfinite(ratings)
        if not _enough(read, known):
            continue
        aurocs.append(_auroc(read, ratings, known, reader))
        measures = {
            "sensitivity": (ratings > UNSURE, known & positive),
            "specificity": (ratings < UNSURE, known & ~positive),
            "cannot be read": (ratings == UNSURE, known),
        }
        shown = [("AUROC", aurocs[-1])] + [
            (
                name,
                estimate_proportion(
                    holds[rows], read.patients[rows], read.dataset, f"{name}, {reader}"
                ),
            )
            for name, (holds, rows) in measures.items()
        ]
        for name, estimate in shown:
            yield estimate.placed(masking=masking.id, reader=reader, measure=name)
    if len(aurocs) > 1:
        mean = mean_over_readers(aurocs, "AUROC, mean of readers")
        yield mean.placed(masking=masking.id, reader="mean", measure="AUROC")
    if aurocs:
        scores = model_scores(cell_scores(cell, source, masking), read)
        known = np.isfinite(scores)
        if _enough(read, known):
            model = _auroc(read, scores, known, "model")
            yield model.placed(masking=masking.id, reader="model", measure="AUROC")


def _auroc(read: Read, values: NDArray[np.float64], kept: NDArray[np.bool_], who: str) -> Estimate:
    return estimate_auroc(
        read.labels[kept], values[kept], read.patients[kept], read.dataset, f"AUROC, {who}"
    )


def _enough(read: Read, kept: NDArray[np.bool_]) -> bool:
    """Whether each class has two patients: the variance of an AUROC needs them."""
    sides = [set(read.patients[kept & (read.labels == side)]) for side in (0, 1)]
    return min(map(len, sides)) >= 2
