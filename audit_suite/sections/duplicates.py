"""Near-duplicates: pairs of pictures that look the same, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from audit_suite.record import Finding, Record
from audit_suite.report.section import Gathered, Section, findings_of, register_section

if TYPE_CHECKING:
    from audit_suite.datasets import Dataset

NAME = "duplicates"
_MOST = 6  # pairs of either kind that are shown


def collect(gathered: Gathered) -> list[dict[str, Any]] | None:
    """The most alike pairs of each data set that was looked at; never with burned-in text."""
    from audit_suite.datasets import load_dataset
    from audit_suite.evidence.near_duplicates import near_duplicates, training_card

    asked = {f.dataset for f in findings_of(gathered.findings, NAME) if f.comparisons}
    source, entries = gathered.source, []
    for card in dict.fromkeys(cell.dataset for cell in gathered.cells):
        if card.name not in asked:
            continue
        dataset = source.dataset(card)
        seen = near_duplicates(dataset, source.store, source.profile.threads)
        pairs = _pairs(seen.pairs, seen.alike, dataset, dataset, "another patient")
        training = training_card(card)
        if training is not None and len(seen.training):
            trained = load_dataset(training)
            pairs += _pairs(seen.training, seen.training_alike, dataset, trained, "training data")
        entries.append(
            {
                "dataset": card.name,
                "patients": len(np.unique(seen.pairs)),
                "training": len(np.unique(seen.training[:, 0])),
                "asked_training": training is not None,
                "images": len(dataset.cases),
                "pairs": pairs,
            }
        )
    return entries or None


def _pairs(
    pairs: Any, alike: Any, dataset: Dataset, other: Dataset, where: str
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for place in np.argsort(-alike, kind="stable"):
        first, second = (int(index) for index in pairs[place])
        if dataset.cases[first].shown and other.cases[second].shown and len(shown) < _MOST:
            shown.append(
                {
                    "where": where,
                    "rows": [dataset.cases[first].row, other.cases[second].row],
                    "alike": round(float(alike[place]), 4),
                    "png": [_png(dataset, first), _png(other, second)],
                }
            )
    return shown


def _png(dataset: Dataset, index: int) -> str:
    from audit_suite.png import png

    image = dataset.read(index).image
    picture = (image / np.float32(np.iinfo(image.dtype).max)).astype(np.float32)
    return png(picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1))


def view(record: Record, _findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """What was collected."""
    return list(record.sections.get(NAME, []))


register_section(
    Section(name=NAME, title="Pictures that look the same", rank=530, collect=collect, view=view)
)
