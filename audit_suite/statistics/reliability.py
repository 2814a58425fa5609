"""Calibration of probabilities: slope, intercept, expected error and reliability curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audit_suite.statistics.estimate import Estimate
from audit_suite.statistics.influence import Influence, patients_for_verdict
from audit_suite.statistics.means import estimate_mean, estimate_proportion
from audit_suite.statistics.numbering import as_patients, how_many, numbered

BINS = 10
"""Bins of the reliability curve and of the expected calibration error, of equal size."""

_STEPS, _CLOSE = 50, 1e-9
_STEEPEST = 50.0  # slopes beyond this are those of classes that scores separate without overlap
_DRAWS = 200  # of labels, to see what error chance alone gives

Floats = NDArray[np.float64]


def calibration_slope(
    labels: NDArray[np.int_], odds: Floats, patients: NDArray[Any], dataset: str, label: str
) -> Estimate | None:
    """The slope of a logistic regression of the label on the log odds (Cox 1958).

    1 is calibrated; below 1 the probabilities are too extreme, above 1 too near the middle. A
    change of prevalence alone leaves it as it is.

    Args:
        labels: Shape (n,), 0 or 1, both present.
        odds: Shape (n,), log odds.
        patients: Shape (n,).
        dataset: Digest of the data set.
        label: Its name in messages and in the report.

    Returns:
        None if the classes do not overlap, so that there is no slope.
    """
    design = np.stack([np.ones(len(odds)), odds], axis=1)
    fitted = _logistic(design, labels, np.zeros(len(odds)))
    if fitted is None or abs(fitted[0][1]) > _STEEPEST:
        return None
    return _of_fit(fitted, 1, labels, patients, dataset, label)


def calibration_intercept(
    labels: NDArray[np.int_], odds: Floats, patients: NDArray[Any], dataset: str, label: str
) -> Estimate:
    """What must be added to the log odds for their mean probability to be the prevalence.

    0 is calibrated in the large; below 0 the probabilities are too high. The arguments are those
    of `calibration_slope`.
    """
    fitted = _logistic(np.ones((len(odds), 1)), labels, odds)
    assert fitted is not None, "both classes are there"
    return _of_fit(fitted, 0, labels, patients, dataset, label)


def calibration_error(
    labels: NDArray[np.int_], odds: Floats, patients: NDArray[Any], dataset: str, label: str
) -> Estimate:
    """Expected calibration error: mean distance of probability and prevalence over ten bins.

    Even a calibrated model has some, because a bin's prevalence varies: what chance alone gives is
    placed beside it as ``by_chance``. The arguments are those of `calibration_slope`.
    """
    p = expit(odds)
    bins = _bins(p)
    rng = np.random.default_rng(0)
    chance = [_error(rng.random(len(p)) < p, p, bins) for _ in range(_DRAWS)]
    signs = np.sign(_by_bin(labels - p, bins))[bins]
    # Signs held fixed it is a mean, and has the interval of one.
    error = estimate_mean(signs * (labels - p), patients, dataset, label)
    return error.placed(by_chance=round(float(np.mean(chance)), 6))


def reliability_curve(
    labels: NDArray[np.int_], odds: Floats, patients: NDArray[Any], dataset: str, label: str
) -> Iterator[Estimate]:
    """The share of images with the finding in each bin, placed by their mean probability.

    Bins of fewer than two patients are left out. The arguments are those of `calibration_slope`.

    Yields:
        From low to high probabilities, placed by ``predicted``.
    """
    p = expit(odds)
    bins = _bins(p)
    for number in range(BINS):
        chosen = bins == number
        if how_many(patients[chosen]) > 1:
            share = estimate_proportion(labels[chosen] == 1, patients[chosen], dataset, label)
            yield share.placed(predicted=round(float(p[chosen].mean()), 6))


def _bins(p: Floats) -> NDArray[np.int_]:
    """The bin of each probability: tenths of the images in their order, equal ones together."""
    first = np.searchsorted(np.sort(p), p)
    return np.asarray(first * BINS // max(len(p), 1))


def _by_bin(values: Floats, bins: NDArray[np.int_]) -> Floats:
    return np.asarray(np.bincount(bins, weights=values, minlength=BINS), np.float64)


def _error(labels: NDArray[np.bool_], p: Floats, bins: NDArray[np.int_]) -> float:
    return float(np.abs(_by_bin(labels - p, bins)).sum() / len(p))


def _logistic(
    design: Floats, labels: NDArray[np.int_], offset: Floats
) -> tuple[Floats, Floats] | None:
    """Coefficients, and the influence of each image on them; None if they do not converge."""
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        mean = expit(design @ beta + offset)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (labels - mean))
        except np.linalg.LinAlgError:
            return None
        beta = beta + step / max(1.0, float(np.abs(step).max()))  # no step beyond one: it may leap
        if np.abs(step).max() < _CLOSE:
            influence = np.linalg.solve(information, design.T * (labels - mean))
            return beta, np.asarray(influence)
    return None


def _of_fit(
    fitted: tuple[Floats, Floats],
    place: int,
    labels: NDArray[np.int_],
    patients: NDArray[Any],
    dataset: str,
    label: str,
) -> Estimate:
    """One coefficient with the sandwich variance, by patient."""
    beta, influence = fitted
    unique, of_image = numbered(as_patients(patients))
    by_patient = np.asarray(np.bincount(of_image, weights=influence[place]), np.float64)
    by_patient *= (len(unique) / max(len(unique) - 1, 1)) ** 0.5
    sides = [of_image[labels == side] for side in (0, 1)]
    return Estimate(
        label=label,
        value=float(beta[place]),
        influence=Influence.of(dataset, unique, by_patient),
        n_images=len(labels),
        n_positives=how_many(sides[1]),
        fewest=min(patients_for_verdict(side, np.ones(len(side))) for side in sides),
    )
