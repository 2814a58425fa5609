"""Readers' answers on a cell's images, side by side with the truth and the model's scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking
from audit_suite.needs.scores.cell_scores import CellScores
from audit_suite.readings import Answer, KeyItem, Readings
from audit_suite.verdict import NotApplicable

UNSURE = 0  # rating of an image that cannot be read: between "rather absent" and "rather present"


@dataclass(frozen=True, repr=False)
class Read(Discreet):
    """Images of one cell that readers saw under one masking, and their ratings.

    Attributes:
        codes: The items' codes, n of them.
        index: Shape (n,), rows of the data set.
        labels: Shape (n,), 0 or 1.
        patients: Shape (n,), their numbers (`Dataset.patients`).
        dataset: Digest of the data set.
        readers: Their names.
        ratings: Shape (readers, n), from -5 (surely absent) to 5 (surely present); `UNSURE` where
            the image cannot be read, NaN where there is no answer.
    """

    codes: tuple[str, ...]
    index: NDArray[np.int_]
    labels: NDArray[np.int_]
    patients: NDArray[np.int_]
    dataset: str
    readers: tuple[str, ...]
    ratings: NDArray[np.float64]


class OfReadings:
    """Base of needs on readings, which plan no evidence.

    Most audits have no readings, and only the readings show what was read. Other checks plan the
    scores that readers are compared with.
    """

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """Nothing: what was read is known only from the readings."""
        return ()


def readings_of(cell: Cell, source: EvidenceSource) -> Readings:
    """The readings of a cell's data set and target.

    Raises:
        NotApplicable: If none are given, or they are of another data set or target.
        AuditError: If the data set has changed since it was read.
    """
    study = source.readings
    if study is None:
        raise NotApplicable("no readings are given (--audit-readings)")
    if study.key.dataset != cell.dataset.name:
        raise NotApplicable(f"the readings are of data set '{study.key.dataset}'")
    if cell.target not in {question.target for question in study.key.questions}:
        raise NotApplicable(f"readers were not asked about '{cell.target}'")
    if study.key.dataset_digest != source.dataset(cell.dataset).digest:
        raise AuditError(
            f"--audit-readings: data set '{cell.dataset.name}' has changed since it was read (its "
            f"digest differs)",
            "audit the version that was read, or have this one read",
        )
    if not study.readings:
        raise NotApplicable("no reader has answered yet")
    return study


def maskings_read(cell: Cell, source: EvidenceSource) -> list[Masking]:
    """Maskings under which images of the cell's target were read, in the key's order.

    Raises:
        NotApplicable: As `readings_of`.
        AuditError: As `readings_of`.
    """
    items = readings_of(cell, source).key.items.values()
    ids = dict.fromkeys(i.masking for i in items if i.target == cell.target and not i.method)
    return [Masking.parse(id) for id in ids]


def read_images(cell: Cell, source: EvidenceSource, masking: Masking) -> Read:
    """The images read under a masking, without repeats.

    Raises:
        NotApplicable: As `readings_of`, or if readers saw no image under the masking.
        AuditError: As `readings_of`.
    """
    study = readings_of(cell, source)
    dataset = source.dataset(cell.dataset)
    labels = dataset.labels_of(cell.target)
    items = {
        code: item
        for code, item in sorted(study.key.items.items())
        if _is(item, cell, masking) and item.repeats is None and labels[item.index] != UNLABELLED
    }
    if not items:
        raise NotApplicable(f"readers saw no images {masking.label or 'in full'}")
    index = np.array([item.index for item in items.values()])
    ratings = [[_rating(given.get(code), cell.target) for code in items] for given in _given(study)]
    return Read(
        codes=tuple(items),
        index=index,
        labels=labels[index],
        patients=dataset.patients[index],
        dataset=dataset.digest,
        readers=tuple(reading.reader for reading in study.readings),
        ratings=np.array(ratings),
    )


def repeated(cell: Cell, source: EvidenceSource) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """By reader the ratings of images seen twice, under any masking.

    Returns:
        First and second rating, each of shape (n,), and the rows of the data set; images without
        both answers are left out.

    Raises:
        NotApplicable: As `readings_of`.
        AuditError: As `readings_of`.
    """
    study = readings_of(cell, source)
    pairs = [
        (item.repeats, code, item.index)
        for code, item in sorted(study.key.items.items())
        if item.repeats is not None and item.target == cell.target
    ]
    each = {}
    for reading, given in zip(study.readings, _given(study), strict=True):
        rows = [
            (_rating(given.get(a), cell.target), _rating(given.get(b), cell.target), float(index))
            for a, b, index in pairs
        ]
        table = np.array(rows, np.float64).reshape(-1, 3)
        each[reading.reader] = tuple(table[np.isfinite(table).all(axis=1)].T)
    return each


def model_scores(scored: CellScores, read: Read) -> NDArray[np.float64]:
    """The model's scores of the images that were read, shape (n,); NaN where it has none.

    Args:
        scored: All its scores under the same masking.
        read: What readers saw.
    """
    scores = np.full(len(scored.used), np.nan)
    scores[scored.used] = scored.scores
    return scores[read.index]


def _is(item: KeyItem, cell: Cell, masking: Masking) -> bool:
    return item.target == cell.target and item.masking == masking.id and not item.method


def _given(study: Readings) -> list[dict[str, Answer]]:
    return [{answer.code: answer for answer in one.answers} for one in study.readings]


def _rating(answer: Answer | None, target: str) -> float:
    if answer is None:
        return float("nan")
    return float(UNSURE if answer.unreadable else answer.found[target].rating)
