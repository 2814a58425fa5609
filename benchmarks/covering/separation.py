"""The share of the separation that a cue explains: coverage of its interval."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from audit_suite.statistics import Estimate, ratio
from audit_suite.statistics.separation import basis_of_numbers, estimate_separation
from decisions.sums import Floats, Ints

READS = (0.0, 0.25, 0.5, 0.8)  # weight of the cue in the score; the rest reads the finding
PATIENTS, PREVALENCES, IMAGES = (300, 1000), (0.1, 0.3), (1, 3)
NAMED, CONTRIBUTES = 0.25, 0.10  # shares above which a cue is named, or contributes
_DISTANCE = 1.0  # between the classes, of the cue and of the finding, in standard deviations
_TRUTH = 200_000


def covered(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Coverage of the 95 % interval, and how often a cue is shown above or below a quarter."""
    for reads, prevalence in itertools.product(READS, PREVALENCES):
        truth = _truth(reads, prevalence)
        for patients, images in itertools.product(PATIENTS, IMAGES):
            rng = np.random.default_rng([seed, patients, images, round(100 * reads)])
            names = np.repeat(np.arange(patients), images)
            labels = (names < round(patients * prevalence)).astype(int)
            held, above, below = [], [], []
            for _ in range(replicates):
                share = _estimate(*_draw(rng, labels, names, reads), labels, names)
                low, high = share.interval()
                held.append(low <= truth <= high)
                above.append(share.scale.p_above(NAMED) < 0.025)
                below.append(share.scale.p_below(NAMED) < 0.05)
            yield {
                "reads": reads,
                "prevalence": prevalence,
                "patients": patients,
                "images": images,
                "truth": truth,
                "covered": float(np.mean(held)),
                "above_a_quarter": float(np.mean(above)),
                "below_a_quarter": float(np.mean(below)),
            }


def _estimate(scores: Floats, cue: Floats, labels: Ints, names: Ints) -> Estimate:
    explained, whole = estimate_separation(
        labels, scores, basis_of_numbers(cue), names.astype(str), "d", "a cue"
    )
    return ratio(explained, whole, "share of the separation")


def _draw(
    rng: np.random.Generator, labels: Ints, names: Ints, reads: float
) -> tuple[Floats, Floats]:
    """Scores and the cue; each shares half of its noise within a patient."""
    cue, noise = (_noise(rng, names) for _ in range(2))
    cue = cue + _DISTANCE * labels
    scores = reads * cue + (1 - reads) * (noise + _DISTANCE * labels)
    return scores, cue


def _noise(rng: np.random.Generator, names: Ints) -> Floats:
    own = rng.normal(size=len(names))
    if len(names) == names[-1] + 1:
        return own
    return (own + rng.normal(size=names[-1] + 1)[names]) / 2**0.5


def _truth(reads: float, prevalence: float) -> float:
    """The share that test sets of this prevalence estimate, from very many patients."""
    names = np.arange(_TRUTH)
    labels = (names < _TRUTH * prevalence).astype(int)
    scores, cue = _draw(np.random.default_rng(7), labels, names, reads)
    return _estimate(scores, cue, labels, names).value
