"""Scores, labels and patients of one cell, ready for a statistic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.maskings.limits import LARGEST_ROI, refuse_large, sized_by
from audit_suite.needs.scores.scale import mean_of_scores, probabilities_of
from audit_suite.statistics import Estimate, estimate_auroc, estimate_auroc_within


@dataclass(frozen=True, repr=False)
class CellScores(Discreet):
    """Usable images of one cell under one masking.

    Usable are images that can be read and have a label of the cell's target.

    Attributes:
        labels: Shape (n,), 0 or 1.
        scores: Shape (n,), for the cell's target, as images are ranked: log odds where the card
            names an activation, else what the model returns; of several folds `mean_of_scores`.
        patients: Shape (n,), their numbers (`Dataset.patients`).
        dataset: Digest of the data set.
        used: Shape (all images,), true for the images of the data set that are included.
        readable: Shape (all images,), true for those that can be read, labelled or not.
        visible: Share of the image that is not hidden, 0 to 1, median over images.
        covered: Share of an image's own region that is hidden, 0 to 1, median over images; None
            where the masking always hides or keeps all of it.
        weights: Shape (n,), quality of each mask, where the card's rule weights by it.
        strata: Shape (n,); only images of one stratum are compared with each other. Strata separate
            held-out folds, and mask quality above and below the minimum where the card's rule is
            ``stratify``.
        probabilities: Shape (n,), what the scores stand for; None if the model gives none.
    """

    labels: NDArray[np.int_]
    scores: NDArray[np.float64]
    patients: NDArray[Any]
    dataset: str
    used: NDArray[np.bool_]
    readable: NDArray[np.bool_]
    visible: float
    covered: float | None = None
    weights: NDArray[np.float64] | None = None
    strata: NDArray[np.int_] | None = None
    probabilities: NDArray[np.float64] | None = None

    def where(self, kept: NDArray[np.bool_]) -> CellScores:
        """The same for a subset of its images.

        Args:
            kept: Shape (n,), which of them.
        """
        used = self.used.copy()
        used[np.flatnonzero(self.used)[~kept]] = False
        return replace(
            self,
            labels=self.labels[kept],
            scores=self.scores[kept],
            patients=self.patients[kept],
            used=used,
            weights=None if self.weights is None else self.weights[kept],
            strata=None if self.strata is None else self.strata[kept],
            probabilities=None if self.probabilities is None else self.probabilities[kept],
        )


def score_requests(cell: Cell, masking: Masking) -> tuple[ScoreRequest, ...]:
    """The evidence that `cell_scores` reads for a masking.

    Raises:
        NotApplicable: As `Cell.requests`.
    """
    return *cell.requests(masking), *_sizing(cell, masking)


def cell_scores(
    cell: Cell,
    source: EvidenceSource,
    masking: Masking,
    largest: float = LARGEST_ROI,
    read: Sequence[ScoreRequest] = (),
) -> CellScores:
    """Read one masking's scores.

    Args:
        cell: Where.
        source: Stored evidence.
        masking: Which images.
        largest: Share of the frame (median over images) above which hiding or keeping the region
            is meaningless.
        read: Where the scores are read, one request for each fold, if not under the masking itself.

    Raises:
        NotApplicable: If no ROI is declared, or it is too large.
        AuditError: If the evidence is missing and cannot be computed, or what the card calls
            probabilities are none.
    """
    dataset = source.dataset(cell.dataset)
    tables = [source.read(request) for request in cell.requests(masking)]
    labels = dataset.labels_of(cell.target)
    readable = tables[0].used
    used = readable & (labels != UNLABELLED)
    hidden = _median(tables[0].hidden_fraction[used])
    sized = [source.read(request) for request in _sizing(cell, masking)] or tables
    refuse_large(masking, _median(sized[0].hidden_fraction[used]), largest)
    patients = dataset.patients
    column = cell.model.targets.index(cell.target)
    folds = held_out_folds(cell, source)
    scored = [source.read(request) for request in read] or tables
    each = np.array([table.scores[:, column] for table in scored], np.float64)
    scores = (
        mean_of_scores(cell.model, each) if folds is None else each[folds, np.arange(len(folds))]
    )
    return CellScores(
        labels=labels[used],
        scores=scores[used],
        patients=patients[used],
        dataset=dataset.digest,
        used=used,
        readable=readable,
        visible=1 - hidden,
        covered=round(_median(tables[0].covered_fraction[used]), 6)
        if masking.covers_partly and used.any()
        else None,
        probabilities=probabilities_of(cell.model, scores[used]),
        **_comparable(cell, source, used, folds),
    )


def held_out_folds(cell: Cell, source: EvidenceSource) -> NDArray[np.int_] | None:
    """For each image the fold that did not train on it; None where folds are averaged.

    Returns:
        Shape (all images,), from 0.

    Raises:
        AuditError: If the data set does not give the fold of every image.
    """
    if cell.average != "held-out":
        return None
    name, count = cell.model.held_out or "", len(cell.folds)
    folds = []
    for case in source.dataset(cell.dataset).cases:
        text = case.metadata.get(name, "")
        if not text.isdecimal() or int(text) >= count:
            raise AuditError(
                f"{cell.dataset.path}: row {case.row} has no fold from 0 to {count - 1} in the tag "
                f"'{name}', which '{cell.model.name}' names under 'held_out'",
                "declare the column under 'metadata', and give every image its fold",
            )
        folds.append(int(text))
    return np.array(folds)


def _sizing(cell: Cell, masking: Masking) -> tuple[ScoreRequest, ...]:
    """Evidence of the region's size where the masking's own does not show it; any one fold's."""
    sizing = sized_by(masking)
    return () if sizing == masking else cell.requests(sizing)[:1]


def _median(shares: NDArray[np.float32]) -> float:
    return float(np.median(shares)) if len(shares) else 0.0


def auroc_of(images: CellScores, label: str, scores: NDArray[np.float64] | None = None) -> Estimate:
    """AUROC of a cell's scores under the card's rule on mask quality.

    Args:
        images: Labels, patients, weights and strata, and the scores unless others are given.
        label: Label of the estimate.
        scores: Shape (n,), in place of ``images.scores``.
    """
    values = images.scores if scores is None else scores
    if images.strata is not None:
        return estimate_auroc_within(
            images.labels, [values], images.patients, [images.strata], images.dataset, label
        )
    return estimate_auroc(
        images.labels, values, images.patients, images.dataset, label, images.weights
    )


def _comparable(
    cell: Cell,
    source: EvidenceSource,
    used: NDArray[np.bool_],
    folds: NDArray[np.int_] | None,
) -> dict[str, NDArray[Any]]:
    """Weights and strata, from held-out folds and the card's rule on mask quality."""
    strata = None if folds is None else folds[used]
    rule = cell.dataset.mask_quality
    columns: dict[str, NDArray[Any]] = {}
    if rule is not None and rule.rule != "drop":
        cases = source.dataset(cell.dataset).cases
        quality = np.array([case.quality or 0.0 for case in cases])[used]
        if rule.rule == "weight":
            columns["weights"] = quality
        else:
            good = (quality > rule.minimum).astype(np.int_)
            strata = good if strata is None else 2 * strata + good
    if strata is not None:
        columns["strata"] = strata
    return columns
