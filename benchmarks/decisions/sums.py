"""AUROCs of many simulated test sets at once, and the sums of influences that contrasts need.

`estimate_auroc` names every patient, which takes most of its time. Here patients are numbers and
test sets are rows of arrays; the figures are the same (tests/benchmarks/test_decisions.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from audit_suite.statistics.auroc import hanley_mcneil
from audit_suite.statistics.influence import patients_for_verdict

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Sums:
    """AUROCs of R test sets under K conditions, and how their influences vary together.

    Attributes:
        auroc: Shape (R, K).
        products: Shape (R, 2, K, K): sums of products of the patients' influences, by stratum
            (patients with a positive image, the others).
        beyond: Shape (R, K): variance that the patients do not show, near the end of the range.
        strata: Patients of the two strata.
        fewest: Patients of the rarer class, counted by their shares of the images.
        edge: Distance from 0 and 1 within which an AUROC counts as being at the end.
    """

    auroc: Floats
    products: Floats
    beyond: Floats
    strata: tuple[int, int]
    fewest: int
    edge: float

    def correlations(self) -> Floats:
        """Correlations of the K AUROCs, shape (R, K, K), by the patients' influences."""
        together = self.products.sum(axis=1)
        scale = np.sqrt(np.einsum("rkk->rk", together))
        return together / (scale[:, :, None] * scale[:, None, :])


def sums_of(labels: Ints, patients: Ints, scores: Floats) -> Sums:
    """Estimate AUROCs, clustered by patient as `estimate_auroc` does.

    Args:
        labels: Shape (N,), 0 or 1, the same in every test set.
        patients: Shape (N,), whole numbers from 0 without gaps.
        scores: Shape (R, K, N); ties count one half.
    """
    sick = labels == 1
    count = int(patients.max()) + 1
    has_sick = np.bincount(patients, sick, count) > 0
    m, n = int(has_sick.sum()), int((np.bincount(patients, ~sick, count) > 0).sum())
    wins = _wins(sick, scores)
    auroc = wins[..., sick].mean(axis=-1)
    size = np.where(sick, (m / (m - 1)) ** 0.5 / sick.sum(), (n / (n - 1)) ** 0.5 / (~sick).sum())
    influence = _by_patient((wins - auroc[..., None]) * size, patients, count)
    products = np.stack(
        [
            np.einsum("rkp,rlp->rkl", part, part)
            for part in (influence[..., has_sick], influence[..., ~has_sick])
        ],
        axis=1,
    )
    variance = np.einsum("rskk->rk", products)
    edge = 1 / (2 * min(m, n) + 2)
    at_end = np.minimum(auroc, 1 - auroc) < edge
    least = edge * (1 - edge) * (1 / m + 1 / n) / 4
    floor = np.where(at_end, hanley_mcneil(edge, m, n), least)
    beyond = np.clip(floor - variance, 0, None)
    strata = int(has_sick.sum()), int((~has_sick).sum())
    names = patients.astype(str)
    fewest = min(patients_for_verdict(names[side], np.ones(side.sum())) for side in (sick, ~sick))
    return Sums(auroc, products, beyond, strata, fewest, edge)


def _wins(sick: NDArray[np.bool_], scores: Floats) -> Floats:
    """The share of the other class that each image is on the right side of, ties one half."""
    order = np.argsort(scores, axis=-1)
    ordered, of_sick = np.take_along_axis(scores, order, axis=-1), sick[order]
    tied = ordered[..., 1:] == ordered[..., :-1]
    if (tied & (of_sick[..., 1:] != of_sick[..., :-1])).any():  # ties within a class are no matter
        return _wins_with_ties(sick, scores)
    sick_below = np.cumsum(of_sick, axis=-1)
    well_below = np.arange(1, len(sick) + 1) - sick_below
    share = np.where(of_sick, well_below / (~sick).sum(), 1 - sick_below / sick.sum())
    wins = np.empty_like(share)
    np.put_along_axis(wins, order, share, axis=-1)
    return wins


def _wins_with_ties(sick: NDArray[np.bool_], scores: Floats) -> Floats:
    place = rankdata(scores, axis=-1)
    wins = np.empty_like(place)
    for side in (sick, ~sick):
        other = place[..., side] - rankdata(scores[..., side], axis=-1)
        wins[..., side] = other / (len(sick) - side.sum())
    wins[..., ~sick] = 1 - wins[..., ~sick]
    return wins


def _by_patient(values: Floats, patients: Ints, count: int) -> Floats:
    """Sums over the images of each patient, shape (..., count)."""
    if count == len(patients) and (np.diff(patients) == 1).all():
        return values
    order = np.argsort(patients, kind="stable")
    starts = np.searchsorted(patients[order], np.arange(count))
    return np.add.reduceat(values[..., order], starts, axis=-1)
