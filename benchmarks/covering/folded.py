"""The folded AUROC: |pooled rank/n - .5| of masked scores, which sees a difference in spread."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import rankdata

from decisions.contrasts import p_of_auroc
from decisions.sums import Floats, Ints, sums_of

SPREADS = (1.0, 1.5, 2.0, 3.0)  # standard deviation of the positives' scores
PATIENTS, PREVALENCES, IMAGES = (200, 500, 1500), (0.1, 0.5), (1, 3)
MARGIN = 0.10  # of R16
_TRUTH = 400_000  # images from which the true value is computed
_CELLS = 400_000


def covered(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Coverage of the 95 % interval, and how often R16 passes and fails."""
    for spread, prevalence in itertools.product(SPREADS, PREVALENCES):
        truth = _truth(spread, prevalence)
        for patients, images in itertools.product(PATIENTS, IMAGES):
            yield _cell(spread, prevalence, patients, images, truth, replicates, seed)


def _cell(
    spread: float,
    prevalence: float,
    patients: int,
    images: int,
    truth: float,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, patients, images, round(100 * spread)])
    names = np.repeat(np.arange(patients), images)
    labels = (names < round(patients * prevalence)).astype(int)
    part, held, passed, failed = max(1, _CELLS // len(names)), 0, 0, 0
    for start in range(0, replicates, part):
        size = min(part, replicates - start)
        sums = sums_of(labels, names, fold(_scores(rng, labels, names, spread, size)))
        held += int((np.minimum(*p_of_auroc(sums, 0, truth)) >= 0.025).sum())
        above, below = p_of_auroc(sums, 0, 0.5 + MARGIN)
        far, near = p_of_auroc(sums, 0, 0.5 - MARGIN)
        passed += int(((below < 0.05) & (far < 0.05)).sum())
        failed += int((np.minimum(above, near) < 0.00125).sum())
    return {
        "spread": spread,
        "prevalence": prevalence,
        "patients": patients,
        "images": images,
        "truth": truth,
        "covered": held / replicates,
        "passes": passed / replicates,
        "fails": failed / replicates,
    }


def fold(scores: Floats) -> Floats:
    """Distance of each pooled rank from the middle, shape of the scores."""
    return np.abs(rankdata(scores, axis=-1) / scores.shape[-1] - 0.5)


def _scores(
    rng: np.random.Generator, labels: Ints, names: Ints, spread: float, replicates: int
) -> Floats:
    scores = rng.normal(size=(replicates, 1, len(labels)))
    if len(names) > names[-1] + 1:
        shared = rng.normal(size=(replicates, 1, names[-1] + 1))[..., names]
        scores = (scores + shared) / 2**0.5
    return scores * np.where(labels == 1, spread, 1.0)


def _truth(spread: float, prevalence: float) -> float:
    """The value that test sets of this prevalence estimate: pooled ranks depend on it."""
    rng = np.random.default_rng(7)
    labels = (np.arange(_TRUTH) < _TRUTH * prevalence).astype(int)
    scores = _scores(rng, labels, np.arange(_TRUTH), spread, 1)
    return float(sums_of(labels, np.arange(_TRUTH), fold(scores)).auroc[0, 0])
