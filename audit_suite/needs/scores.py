"""The scores, labels and patients of one cell, ready for a statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Masking
from audit_suite.verdict import NotApplicable

LARGEST_ROI = 0.9  # of the frame: beyond it, hiding the ROI hides the image (checks.md, C4)


@dataclass(frozen=True)
class CellScores:
    """Usable images of one cell under one masking.

    Attributes:
        labels: Shape (n,), 0 or 1.
        scores: Shape (n,), the model's output for the cell's target.
        patients: Shape (n,), patient ids; they never leave the process.
        dataset: Digest of the data set.
        used: Shape (all images,), which of the data set's images these are.
    """

    labels: NDArray[np.int_]
    scores: NDArray[np.float64]
    patients: NDArray[np.str_]
    dataset: str
    used: NDArray[np.bool_]


def cell_scores(cell: Cell, source: EvidenceSource, masking: Masking) -> CellScores:
    """Read one masking's scores.

    Raises:
        NotApplicable: If no ROI is declared, or it fills so much of the frame (median over images
            above `LARGEST_ROI`) that hiding or keeping it asks nothing.
        AuditError: If the evidence cannot be had.
    """
    request = cell.request(masking)
    dataset = source.dataset(cell.dataset)
    table = source.table(request)
    if masking.keep != "all":
        hidden = float(np.median(table.hidden_fraction[table.used]))
        share = hidden if masking.keep == "outside" else 1 - hidden
        if share > LARGEST_ROI:
            raise NotApplicable(
                f"the masked region fills a median {share:.0%} of the image (limit "
                f"{LARGEST_ROI:.0%}): hiding or keeping it asks nothing"
            )
    labels = np.array([case.labels[cell.target] for case in dataset.cases])
    patients = np.array([case.patient for case in dataset.cases])
    column = cell.model.targets.index(cell.target)
    return CellScores(
        labels=labels[table.used],
        scores=table.scores[table.used, column].astype(np.float64),
        patients=patients[table.used],
        dataset=dataset.digest,
        used=table.used,
    )
