"""Intervals clustered by patient: their cost beside a bootstrap, and on 200,000 images."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from audit_suite.statistics import estimate_auroc
from audit_suite.statistics.estimate import Estimate

_MASKINGS = 25
_BOOTSTRAP = 2000  # resamples of a bootstrap
_TIMED = 10  # of them are timed in a quick run


def figures(quick: bool) -> dict[str, float]:
    """CPU seconds on one core.

    Returns:
        ``statistics_ratio``: a scikit-learn bootstrap of 2,000 samples of patients over our
        interval of the same AUROC, 10,000 patients with two images. ``statistics_seconds_200k``:
        AUROCs, intervals, differences from the first and all covariances of 25 maskings of 200,000
        images.
    """
    ours, bootstrap = _interval(10_000, quick)
    return {
        "statistics_ratio": bootstrap / ours,
        "statistics_seconds_200k": _maskings(100_000),
    }


def _cohort(patients: int, maskings: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Labels, patients and scores of two images a patient, in no order."""
    rng = np.random.default_rng(0)
    numbers = rng.permutation(np.repeat(np.arange(patients), 2))
    labels = (rng.random(patients) < 0.1).astype(int)[numbers]
    base = 1.2 * labels + rng.normal(size=len(numbers))
    scores = [base + 0.1 * number * rng.normal(size=len(base)) for number in range(maskings)]
    return labels, numbers, scores


def _interval(patients: int, quick: bool) -> tuple[float, float]:
    from sklearn.metrics import roc_auc_score

    labels, numbers, (scores,) = _cohort(patients, 1)
    repeats = 20
    ours = _seconds(
        lambda: [
            estimate_auroc(labels, scores, numbers, "cohort").interval() for _ in range(repeats)
        ]
    )
    rng = np.random.default_rng(1)
    images = np.argsort(numbers, kind="stable").reshape(patients, 2)

    def resample(times: int) -> list[float]:
        drawn = (images[rng.integers(0, patients, patients)].ravel() for _ in range(times))
        return [roc_auc_score(labels[each], scores[each]) for each in drawn]

    times = _TIMED if quick else _BOOTSTRAP
    return ours / repeats, _seconds(lambda: resample(times)) * _BOOTSTRAP / times


def _maskings(patients: int) -> float:
    labels, numbers, scores = _cohort(patients, _MASKINGS)

    def audit() -> None:
        aurocs: list[Estimate] = []
        for each in scores:
            aurocs.append(estimate_auroc(labels, each, numbers, "cohort"))
        for auroc in aurocs:
            auroc.interval()
            (aurocs[0] - auroc).interval()
        for place, one in enumerate(aurocs):
            for other in aurocs[: place + 1]:
                one.influence.strata_with(other.influence)

    return _seconds(audit)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
