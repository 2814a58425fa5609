"""What the report shows of readings: whose they are, and images on which model and readers part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from audit_suite.cards import canonical_digest
from audit_suite.datasets import BadImage
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Masking
from audit_suite.needs.reading import Read, maskings_read, model_scores, read_images
from audit_suite.plausibility.picturing import thumbnail
from audit_suite.readings import LEVELS
from audit_suite.record import Finding, ReadImage, ReadingsRecord
from audit_suite.verdict import NotApplicable

SKILL_CHECK = "H3"


def readings_record(source: EvidenceSource) -> ReadingsRecord | None:
    """Whose readings went into the audit; None without any."""
    found = source.readings
    if found is None:
        return None
    remarks = {"readings": {"__all__": {"answers": {"__all__": {"comment"}}}}}
    content = found.model_dump(mode="json", by_alias=True, exclude=remarks)
    return ReadingsRecord(
        dataset=found.key.dataset,
        digest=canonical_digest(content),
        readers=[reading.reader for reading in found.readings],
        n_items=len(found.key.items),
        chosen_by=found.key.model,
    )


def read_record(
    cells: Sequence[Cell], findings: Iterable[Finding], source: EvidenceSource
) -> list[ReadImage]:
    """Of each masking the sick and the well image on which the model is furthest ahead of readers.

    Args:
        cells: Cells of the audit, in order.
        findings: Tell where readers' skill was asked for and had.
        source: Readings, data sets and stored evidence.
    """
    asked = {
        (f.model, f.dataset, f.target)
        for f in findings
        if f.check == SKILL_CHECK and f.observations
    }
    found: list[ReadImage] = []
    for cell in cells:
        if (cell.model_name, cell.dataset.name, cell.target) in asked:
            one = cell.each()[0]  # of several folds, audited by their mean, the first is shown
            for masking in maskings_read(one, source):
                found += _images(cell.model_name, one, masking, source)
    return found


def _images(name: str, cell: Cell, masking: Masking, source: EvidenceSource) -> Iterator[ReadImage]:
    try:
        read = read_images(cell, source, masking)
        scores = model_scores(cell, source, masking, read)
    except (NotApplicable, AuditError):
        return  # the findings say why
    known = np.isfinite(scores)
    ranks = np.array([np.mean(scores[known] < score) for score in scores])
    seen = _mean_rating(read)
    for positive in (True, False):
        side = 1 if positive else -1
        here = np.flatnonzero((read.labels == positive) & known & np.isfinite(seen))
        if len(here):
            ahead = side * (2 * ranks[here] - 1 - seen[here] / LEVELS)
            row = int(here[np.argmax(ahead)])
            try:
                sample = source.dataset(cell.dataset).read(int(read.index[row]))
            except BadImage:
                continue
            region = cell.dataset.targets[cell.target].roi
            sample = replace(sample, regions=named_regions(sample, cell.dataset, region))
            yield ReadImage(
                model=name,
                dataset=cell.dataset.name,
                target=cell.target,
                masking=masking.id,
                positive=positive,
                png=thumbnail(sample, masking, region, max(cell.model.input.size)),
                model_rank=round(float(ranks[row]), 6),
                ratings={
                    reader: int(rating)
                    for reader, rating in zip(read.readers, read.ratings[:, row], strict=True)
                    if np.isfinite(rating)
                },
            )


def _mean_rating(read: Read) -> np.ndarray:
    """Mean over the readers who answered; NaN where nobody did."""
    known = np.isfinite(read.ratings)
    sums = np.where(known, read.ratings, 0).sum(axis=0)
    return np.where(known.any(axis=0), sums / np.maximum(known.sum(axis=0), 1), np.nan)
