"""Readers: how well they see, whether they agree, and whether the model sees what they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking
from audit_suite.needs.reading import (
    UNSURE,
    Read,
    maskings_read,
    model_scores,
    read_images,
    readings_of,
    repeated,
)
from audit_suite.readings import FEWEST_READERS, LEVELS
from audit_suite.statistics import (
    Estimate,
    Exact,
    estimate_ac1,
    estimate_auroc,
    estimate_fleiss,
    estimate_kappa,
    estimate_mean,
    estimate_proportion,
    mean_over_random_readers,
    mean_over_readers,
)
from audit_suite.verdict import NotApplicable

RATINGS = (*range(-LEVELS, 0), UNSURE, *range(1, LEVELS + 1))


@dataclass(frozen=True)
class AheadOfReaders:
    """AUROC of the model less the readers', on the same images under the same masking (H2).

    From three readers on they stand for others like them: `mean_over_random_readers` of each one's
    difference to the model, which is fixed (the single-modality analysis of Chakraborty, Observer
    Performance Methods, 2017). One or two stand for themselves.
    """

    masking: Masking

    @property
    def id(self) -> str:
        """The masking's id."""
        return self.masking.id

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """Nothing ahead of time: most audits have no readings, and others ask for these scores."""
        return ()

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The difference, placed by ``masking`` and the number of ``readers``.

        Raises:
            NotApplicable: If nothing was read under the masking, or too little.
            AuditError: If the data set is not what was read.
        """
        read = read_images(cell, source, self.masking)
        scores = model_scores(cell, source, self.masking, read)
        ahead = []
        for number, reader in enumerate(read.readers):
            kept = np.isfinite(read.ratings[number]) & np.isfinite(scores)
            if _enough(read, kept):
                theirs = _auroc(read, read.ratings[number], kept, reader)
                ahead.append(_auroc(read, scores, kept, "model") - theirs)
        if not ahead:
            raise NotApplicable("no reader has read two patients with and two without the finding")
        label = f"AUROC of the model above the readers' {self.masking.label}".rstrip()
        mean = mean_over_random_readers if len(ahead) >= FEWEST_READERS else mean_over_readers
        return mean(ahead, label).placed(masking=self.masking.id, readers=float(len(ahead)))


def ahead_of_readers(masking: Masking) -> AheadOfReaders:
    """Need: how far the model is ahead of the readers on images under a masking."""
    return AheadOfReaders(masking)


def unanswered(cell: Cell, source: EvidenceSource) -> Exact:
    """Items that a reader was given and did not answer, over all readers (H1).

    Raises:
        NotApplicable: If there are no readings.
        AuditError: If the data set is not what was read.
    """
    found = readings_of(cell, source)
    items = len(found.key.items)
    missing = sum(items - len(reading.answers) for reading in found.readings)
    missing += items * (len(found.key.packs) - len(found.readings))
    return Exact("items without a reader's answer", float(missing), items)


def reader_skill(cell: Cell, source: EvidenceSource) -> list[Estimate]:
    """AUROC, sensitivity, specificity and share that cannot be read, by masking and reader (H3).

    An image that cannot be read counts as neither present nor absent: as not found among the sick,
    as not cleared among the well. With them the model's AUROC on the same images.

    Returns:
        Estimates placed by ``masking``, ``reader`` (a reader, "mean" or "model") and ``measure``.

    Raises:
        NotApplicable: If there are no readings.
        AuditError: If the data set is not what was read.
    """
    found = [e for m in maskings_read(cell, source) for e in _skill(cell, source, m)]
    if not found:
        raise NotApplicable("no reader has read two patients with and two without the finding")
    return found


def reader_agreement(cell: Cell, source: EvidenceSource) -> list[Estimate]:
    """Agreement between readers by masking, and of each reader with themself (H4).

    Between readers Fleiss' kappa of the finding, Gwet's AC1, which a rare finding does not depress,
    and for two readers the kappa of their ratings, weighted by squares; within a reader the same
    kappa over the hidden repeats of all maskings.

    Raises:
        NotApplicable: If there are no readings, or nothing was read twice or by two.
        AuditError: If the data set is not what was read.
    """
    found = []
    for masking in maskings_read(cell, source):
        read = read_images(cell, source, masking)
        where = masking.label or "in full"
        for name, estimate in _between(read, where):
            found.append(estimate.placed(masking=masking.id, measure=name))
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
        found.append(kappa.placed(reader=reader, measure="repeats"))
    if not found:
        raise NotApplicable("no image was read by two readers, or twice by one, with any variation")
    return found


def map_plausibility(cell: Cell, source: EvidenceSource) -> list[Estimate]:
    """Mean rating of the maps that readers were shown, 1 to 5, by explainer (H5).

    Raises:
        NotApplicable: If there are no readings or no maps among them.
        AuditError: If the data set is not what was read.
    """
    found = readings_of(cell, source)
    cases = source.dataset(cell.dataset).cases
    rated: dict[str, list[tuple[float, str]]] = {}
    for reading in found.readings:
        for answer in reading.answers:
            item = found.key.items[answer.code]
            if item.method and item.target == cell.target and answer.plausibility is not None:
                patient = cases[item.index].patient
                rated.setdefault(item.method, []).append((float(answer.plausibility), patient))
    estimates = []
    for method, pairs in sorted(rated.items()):
        values, patients = zip(*pairs, strict=True)
        if len(set(patients)) > 1:
            digest, label = source.dataset(cell.dataset).digest, f"plausibility of maps by {method}"
            mean = estimate_mean(values, patients, digest, label, (1.0, float(LEVELS)))
            estimates.append(mean.placed(method=method))
    if not estimates:
        raise NotApplicable("readers were shown no maps of this target")
    return estimates


def _skill(cell: Cell, source: EvidenceSource, masking: Masking) -> Iterator[Estimate]:
    read = read_images(cell, source, masking)
    sick = read.labels == 1
    aurocs = []
    for number, reader in enumerate(read.readers):
        ratings = read.ratings[number]
        known = np.isfinite(ratings)
        if not _enough(read, known):
            continue
        aurocs.append(_auroc(read, ratings, known, reader))
        measures = {
            "sensitivity": (ratings > UNSURE, known & sick),
            "specificity": (ratings < UNSURE, known & ~sick),
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
        scores = model_scores(cell, source, masking, read)
        known = np.isfinite(scores)
        if _enough(read, known):
            model = _auroc(read, scores, known, "model")
            yield model.placed(masking=masking.id, reader="model", measure="AUROC")


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


def _auroc(read: Read, values: NDArray[np.float64], kept: NDArray[np.bool_], who: str) -> Estimate:
    return estimate_auroc(
        read.labels[kept], values[kept], read.patients[kept], read.dataset, f"AUROC, {who}"
    )


def _enough(read: Read, kept: NDArray[np.bool_]) -> bool:
    """Whether two patients of either class are left: an AUROC's variance needs them."""
    sides = [set(read.patients[kept & (read.labels == side)]) for side in (0, 1)]
    return min(map(len, sides)) >= 2
