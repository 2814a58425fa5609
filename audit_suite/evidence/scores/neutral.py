"""Measure how the scores of a model change with the precision, on a sample of images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.precision import CHECKED, Change, precision_key
from audit_suite.evidence.profile import FASTEST_FIRST, Precision
from audit_suite.evidence.scores.donors import drawn
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.models.audited import AuditedModel
from audit_suite.models.preprocessing import fit_geometry, normalise
from audit_suite.out_of_memory import in_batches
from audit_suite.pulse import beat

_TOGETHER = 16  # images per pass, if they fit
Scores = NDArray[np.float64]


def measure(
    source: EvidenceSource,
    _say: Progress,
    card: ModelCard,
    fold: int | None,
    dataset_card: DatasetCard,
) -> None:
    """Score a sample in every precision of the device, and store how it differs from fp32.

    Raises:
        AuditError: If the model or the data set cannot be used.
    """
    dataset, model = source.dataset(dataset_card), source.model(card, fold)
    sample = dict(_sample(dataset, card))
    arrays: dict[str, NDArray[np.float64]] = {}
    if len(sample) > 1:
        images = torch.from_numpy(np.stack(list(sample.values())))
        precisions = [p for p in FASTEST_FIRST if model.device == "cuda" or p != "tf32"]
        scores = {name: _scored(model, images, name) for name in precisions}
        labels = [
            [dataset.cases[index].labels.get(target) for index in sample] * 2
            for target in card.targets
        ]
        arrays = {
            name: np.array([change.logit, change.auroc, change.rank])
            for name in precisions
            if name != "fp32"
            for change in [change_between(scores["fp32"], scores[name], labels)]
        }
    subject = f"{source.model_digest(card, fold)}/{dataset.digest}"
    source.store.write(precision_key(source, (card, fold, dataset_card)), arrays, subject)


def change_between(exact: Scores, other: Scores, labels: list[list[int | None]]) -> Change:
    """How scores differ; the worst of all targets.

    Args:
        exact: Shape (n, T), of fp32.
        other: Shape (n, T), of another precision; NaN where it failed.
        labels: By target, one per row: 0, 1 or None.
    """
    changes = [_change(*each) for each in zip(exact.T, other.T, labels, strict=True)]
    logit, auroc, rank = np.transpose(changes)
    return Change(float(logit.max()), float(auroc.max()), float(rank.min()))


def _change(exact: Scores, other: Scores, labels: list[int | None]) -> tuple[float, float, float]:
    spread = float(exact.std())
    largest = float(np.abs(other - exact).max())
    if spread == 0 or not np.isfinite(other).all() or other.std() == 0:
        return np.inf, np.inf, -np.inf
    ranks = rankdata(exact), rankdata(other)
    kinds = np.array([np.nan if label is None else label for label in labels], np.float64)
    auroc = abs(_auroc(exact, kinds) - _auroc(other, kinds))
    return largest / spread, auroc, float(np.corrcoef(*ranks)[0, 1])


def _auroc(scores: Scores, kinds: Scores) -> float:
    """One half where there is only one class."""
    positive, negative = int((kinds == 1).sum()), int((kinds == 0).sum())
    if not positive or not negative:
        return 0.5
    known = ~np.isnan(kinds)
    ranks = rankdata(scores[known])
    above = ranks[kinds[known] == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


def _scored(model: AuditedModel, images: torch.Tensor, precision: Precision) -> Scores:
    """Scores of the images, whole and with their middle black; NaN if the model cannot do it."""
    middle = images.clone()
    height, width = images.shape[2:]
    middle[:, :, height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 0

    def scored(part: torch.Tensor) -> torch.Tensor:
        batch = normalise(part.to(model.device), model.card.input)
        try:
            with computing_in(precision, model):
                scores, _ = model.score(batch)
        except AuditError:
            if precision == "fp32":
                raise
            scores = torch.full((len(part), len(model.columns)), torch.nan)
        beat(len(part))
        return scores.double().cpu()

    parts, _ = in_batches(torch.cat([images, middle]), _TOGETHER, scored, model.card.path)
    return torch.cat(parts).numpy()


def _sample(dataset: Dataset, card: ModelCard) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Readable images, by hash, at the geometry of the model's input."""
    for index in drawn(dataset, range(len(dataset.cases)), CHECKED):
        try:
            sample = dataset.read(index)
        except BadImage:
            continue
        yield index, fit_geometry(sample.image, {}, card.input, sample.file)[0]
