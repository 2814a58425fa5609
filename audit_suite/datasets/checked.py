"""Read a data set through the reader of its card, and check what the reader returns.

Readers of extensions are checked as the shipped ones are: nothing behind this module has to ask
whether a label is 0 or 1, or what type an image has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audit_suite.cards import DatasetCard, canonical_digest
from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.reader import reader_of
from audit_suite.datasets.reading import read_by
from audit_suite.datasets.tags import is_missing
from audit_suite.errors import AuditError
from audit_suite.registry import READERS

_GREY, _COLOUR = ("uint8", "uint16"), ("uint8",)


def read_checked(card: DatasetCard) -> Dataset:
    """Read the data set of a card.

    Returns:
        The data set; each image is checked as it is read. If the reader is an extension's, its
        source file counts in the digest.

    Raises:
        AuditError: If the card's files are wrong, or the reader raises or returns anything but a
            data set with the card's targets and metadata; names the reader's extension.
    """
    reader = reader_of(card)
    with READERS.blaming(card.reader):
        dataset = reader.read(card)
        if fault := _fault(card, dataset):
            raise READERS.misbehaved(card.reader, fault)
        _require_metadata(card, dataset.cases, reader.selects_rows)
    code = READERS.fingerprint(card.reader)
    plain, rows = dataset.read, [case.row for case in dataset.cases]  # and not the cases
    return replace(
        dataset,
        digest=canonical_digest([dataset.digest, code]) if code else dataset.digest,
        read=read_by(plain, lambda index: _read(card, plain, rows, index), lambda index: index),
    )


def _fault(card: DatasetCard, dataset: Any) -> str:
    """What is wrong with a data set; empty if nothing is. Names rows, never patients."""
    if not isinstance(dataset, Dataset):
        return f"returned {type(dataset).__name__} instead of a Dataset"
    if not isinstance(dataset.digest, str) or not dataset.digest:
        return "returned a data set without a digest"
    ids: set[str] = set()
    for case in dataset.cases:
        if not isinstance(case, Case):
            return f"returned {type(case).__name__} among the cases"
        named = isinstance(case.id, str) and isinstance(case.patient, str)
        if not named or is_missing(case.patient):
            return f"returned a case without an id or patient as text (row {case.row})"
        if case.id in ids:
            return f"returned two cases with one id (row {case.row})"
        ids.add(case.id)
        labels = {name: case.labels[name] for name in card.targets if name in case.labels}
        if not labels and not card.unlabelled:
            names = ", ".join(f"'{name}'" for name in card.targets)
            return f"returned a case without a label of target {names} (row {case.row})"
        for target, label in labels.items():
            if not isinstance(label, int | np.integer) or label not in (0, 1):
                return f"returned a label of target '{target}' that is not 0 or 1 (row {case.row})"
    return ""


def _require_metadata(card: DatasetCard, cases: Collection[Case], selects_rows: bool) -> None:
    """Refuse names under ``metadata`` and ``filter`` that cases do not have."""
    wanted = {*card.metadata, *(() if selects_rows else card.filter)}
    for case in cases:
        if missing := sorted(wanted - set(case.metadata)):
            raise AuditError(
                f"{card.path}: 'metadata' or 'filter' names {missing}",
                f"reader '{card.reader}' gives: {', '.join(case.metadata) or 'none'}",
            )


def _read(
    card: DatasetCard, read: Callable[[int], Sample], rows: Sequence[int], index: int
) -> Sample:
    with READERS.blaming(card.reader):
        sample = read(index)
        if fault := _fault_of_sample(sample):
            raise READERS.misbehaved(card.reader, f"{fault} (row {rows[index]})")
    if missing := sorted(card.roi_regions - set(sample.regions)):
        raise BadImage(
            f"row {rows[index]}: the image has no mask of {', '.join(missing)}",
            f'add the mask, or leave such rows out with on_bad_image = "exclude" in {card.path}',
        )
    return sample


def _fault_of_sample(sample: Any) -> str:
    if not isinstance(sample, Sample):
        return f"returned {type(sample).__name__} instead of a Sample"
    image = sample.image
    shape: tuple[int, ...] = getattr(image, "shape", ())
    kind = str(getattr(image, "dtype", type(image).__name__))
    grey = len(shape) == 2 and kind in _GREY
    colour = len(shape) == 3 and shape[2] == 3 and kind in _COLOUR
    if not grey and not colour:
        return (
            f"returned an image of type {kind} and shape {shape}, which is neither (H, W) of uint8 "
            f"or uint16 nor (H, W, 3) of uint8"
        )
    for name, mask in sample.regions.items():
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != shape[:2]:
            return f"returned a mask of '{name}' that is not boolean or differs in size"
    return ""
