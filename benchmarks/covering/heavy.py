"""One patient with a large part of a class's images: from when on the interval is wrong.

Beside it, how many data sets the rule "no patient carries over a tenth of the variance" would let
decide: of a good AUROC with few positives, a single one that ranks low carries that much, and the
interval is right all the same. What spoils it is a patient's part of the images; the product counts
patients by it (`patients_for_verdict`) and refuses a verdict below 20.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import ndtri

from audit_suite.statistics import estimate_auroc
from decisions.sums import Floats, Ints

MOST = 0.10
PARTS = (0.0, 0.1, 0.2, 0.3, 0.6)  # of the images of the positive class, from one patient
PREVALENCES = (0.1, 0.3)
AUROCS = (0.5, 0.9)
PATIENTS = 200
_WITHIN = 0.8  # share of the score's variance that a patient's images share
_LEVEL = 0.005  # of each side of a test of the truth


def covered(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Coverage, rejections of the truth, and how many test sets the rule by variance lets decide.

    The truth is the AUROC of a patient drawn at random against another: what one patient's images
    show of it, however many they are, is one observation.
    """
    for auroc, prevalence, part in itertools.product(AUROCS, PREVALENCES, PARTS):
        rng = np.random.default_rng([seed, *(round(100 * x) for x in (auroc, prevalence, part))])
        labels, names = layout(prevalence, part)
        held, wrong, largest = [], [], []
        for _ in range(replicates):
            scores = draw(rng, auroc, labels, names)
            estimate = estimate_auroc(labels, scores, names, "d")
            low, high = estimate.interval()
            held.append(low <= auroc <= high)
            scale = estimate.scale
            wrong.append(min(scale.p_above(auroc), scale.p_below(auroc)) < _LEVEL)
            squares = estimate.influence.values**2
            largest.append(float(squares.max() / squares.sum()))
        decided = np.array(largest) <= MOST
        yield {
            "auroc": auroc,
            "prevalence": prevalence,
            "of_the_images": part,
            "covered": float(np.mean(held)),
            "rejected_at_.01": float(np.mean(wrong)),
            "share_of_variance": float(np.median(largest)),
            "decided_by_variance": float(decided.mean()),
            "patients_for_verdict": estimate.fewest,
        }


def layout(prevalence: float, part: float) -> tuple[Ints, Ints]:
    """Labels and patients; the first positive patient has ``part`` of the class's images."""
    positives = round(PATIENTS * prevalence)
    counts = np.ones(PATIENTS, int)
    counts[0] = max(1, round(part / (1 - part) * (positives - 1)))
    names = np.repeat(np.arange(PATIENTS), counts)
    return (names < positives).astype(int), names


def draw(rng: np.random.Generator, auroc: float, labels: Ints, names: Ints) -> Floats:
    """Scores; the images of a patient are alike."""
    shared = rng.normal(size=PATIENTS)[names]
    noise = _WITHIN**0.5 * shared + (1 - _WITHIN) ** 0.5 * rng.normal(size=len(names))
    scores: Floats = noise + 2**0.5 * ndtri(auroc) * labels
    return scores
