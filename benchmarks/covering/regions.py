"""R14: coverage of the share of region attributions outside the region.

Images are explained against reference images that serve several of them, dealt in turn. The model
is linear in its players, so that Shapley values are known: weight times the distance between what
the image and its reference show there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from audit_suite.needs.maps.measures import outside_share
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.statistics.influence import shared_variance
from decisions.sums import Floats, Ints

IMAGES, REFERENCES = (24, 48, 150), (8, 16, 24, 48)
SPREADS = (0.3, 1.0, 3.0)  # of what references show, as a multiple of what images show
OUTSIDE = (0.2, 0.5, 0.8)  # weight of the players outside the region
LIMIT = 0.5  # of R14
_PLAYERS, _INSIDE = 6, 2
_TRUTH = 400_000


def covered(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Coverage of the 95 % interval with and without what references share, and false fails."""
    for spread, weight in itertools.product(SPREADS, OUTSIDE):
        truth = _truth(spread, weight)
        for images, references in itertools.product(IMAGES, REFERENCES):
            if references > images:
                continue
            rng = np.random.default_rng([seed, images, references, round(10 * spread)])
            held, plain, failed = [], [], []
            for _ in range(replicates):
                donors = deal(rng, images, references)
                shares = _shares(rng, donors, references, spread, weight)
                by_patient, whole = _estimates(shares, donors)
                held.append(_holds(whole, truth))
                plain.append(_holds(by_patient, truth))
                failed.append(whole.scale.p_above(LIMIT) < 0.0125)
            yield {
                "images": images,
                "references": references,
                "spread": spread,
                "truth": truth,
                "covered": float(np.mean(held)),
                "covered_by_patient_alone": float(np.mean(plain)),
                "fails": float(np.mean(failed)),
            }


def deal(rng: np.random.Generator, images: int, references: int) -> Ints:
    """The reference of each image; how often they are used differs by at most 1."""
    rounds = -(-images // references)
    return np.concatenate([rng.permutation(references) for _ in range(rounds)])[:images]


def _shares(
    rng: np.random.Generator, donors: Ints, references: int, spread: float, weight: float
) -> Floats:
    weights = np.where(np.arange(_PLAYERS) < _INSIDE, (1 - weight) / _INSIDE, 0.0)
    weights = np.where(weights > 0, weights, weight / (_PLAYERS - _INSIDE))
    shown = rng.normal(size=(len(donors), _PLAYERS))
    hidden = spread * rng.normal(size=(references, _PLAYERS))
    inside = np.broadcast_to(np.arange(_PLAYERS) < _INSIDE, shown.shape)
    return outside_share(weights * (shown - hidden[donors]), inside.astype(float))


def _estimates(shares: Floats, donors: Ints) -> tuple[Estimate, Estimate]:
    """By patient alone, and with what images share because they have the same reference."""
    names = np.arange(len(shares)).astype(str)
    mean = estimate_mean(shares, names, "d", "share outside", (0.0, 1.0))
    shared = shared_variance((shares - mean.value) / len(shares), donors)
    return mean, mean.with_influence(mean.influence.with_boundary("d/references", shared))


def _holds(estimate: Estimate, truth: float) -> bool:
    low, high = estimate.interval()
    return bool(low <= truth <= high)


def _truth(spread: float, weight: float) -> float:
    """The mean share with a reference of its own for every image."""
    rng = np.random.default_rng(7)
    return float(_shares(rng, np.arange(_TRUTH), _TRUTH, spread, weight).mean())
