"""Folds by patient, stratified by label: scikit-learn's, drawn in a tenth of the time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.statistics.numbering import numbered


def stratified_folds(
    labels: NDArray[np.int_], patients: NDArray[Any], folds: int, seed: int
) -> NDArray[np.int_]:
    """The fold in which each image is tested: those of `sklearn.model_selection`.

    `StratifiedGroupKFold` with ``shuffle`` weighs, for each patient in turn, one fold after the
    other; here all are weighed together. Drawing cost more than fitting the classifiers.

    Args:
        labels: Shape (n,), of at least two classes.
        patients: Shape (n,), numbers or names; all images of a patient are in one fold.
        folds: How many.
        seed: Decides the order in which patients are dealt.

    Returns:
        Shape (n,), from 0.
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    _, patient = numbered(patients)
    images = np.zeros((patient.max() + 1, len(sizes)))
    np.add.at(images, (patient, classes), 1)
    shuffled = np.arange(len(images))
    np.random.RandomState(seed).shuffle(shuffled)
    order = shuffled[np.argsort(-images[shuffled].std(axis=1), kind="stable")]
    dealt = np.zeros(len(images), np.int_)
    held = np.zeros((folds, len(sizes)))
    alone = np.eye(folds)[:, :, None]
    for number in order:
        unevenness = ((held + alone * images[number]) / sizes).std(axis=1).mean(axis=1)
        dealt[number] = _best(unevenness.tolist(), held.sum(axis=1).tolist())
        held[dealt[number]] += images[number]
    return dealt[patient]


def _best(unevenness: list[float], held: list[float]) -> int:
    """The fold that leaves classes most even; where that is close, the one with fewest images."""
    best = 0
    for fold in range(1, len(held)):
        gap = unevenness[fold] - unevenness[best]
        close = abs(gap) <= 1e-8 + 1e-5 * unevenness[best]  # as np.isclose
        if gap < 0 or (close and held[fold] < held[best]):
            best = fold
    return best
