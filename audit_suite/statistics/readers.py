"""Several readers of the same cases: their mean, fixed or as a sample; the cases to plan for."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from scipy.special import ndtri

from audit_suite.errors import AuditError
from audit_suite.readings import FEWEST_READERS
from audit_suite.statistics.auroc import hanley_mcneil
from audit_suite.statistics.combined import mean_of_folds
from audit_suite.statistics.estimate import Estimate, Keys
from audit_suite.statistics.influence import READERS, Influence

_MOST_CASES = 10**7


def mean_over_readers(estimates: Sequence[Estimate], label: str) -> Estimate:
    """Mean over these readers alone: the interval covers other patients, not other readers.

    Args:
        estimates: One per reader, on the same data set; at least one.
        label: Its name in messages and in the report.

    Raises:
        AuditError: If there is no reader.
    """
    if not estimates:
        raise AuditError(f"{label}: there are no readers", "import a reader's answers")
    return replace(mean_of_folds(estimates), label=label, folds=(), at={})


def mean_over_random_readers(estimates: Sequence[Estimate], label: str) -> Estimate:
    """Mean over a sample of readers: the interval covers other readers and other patients.

    The model of Obuchowski and Rockette (Communications in Statistics - Simulation and Computation
    24, 1995) for one treatment, with the degrees of freedom of Hillis (Statistics in Medicine 26,
    2007): the variance is MS / R + max(Cov2, 0), MS the mean square of the R readers' values and
    Cov2 the mean covariance of two readers' values over patients. Given each reader's *difference*
    of two modalities it is their test of two modalities, readers and cases crossed.

    Cov2 is divided among the patients in proportion to their influence on the mean; one
    pseudo-patient per reader holds its part of MS / R. Pseudo-patients cancel only in the
    difference of identical estimates: to compare two maskings, or readers and model, subtract
    within each reader first. The variance is never below that for these readers alone: perfect
    readers show no spread, and the covariance does not include the variance that is added at the
    ends of the range (`estimate_auroc`). On simulated null data, tests at 5 % rejected in 2.6 to
    6.5 %, without that bound in 3.2 to 6.8 %, and in 4 to 18 % if these readers were taken as fixed
    (table in tests/statistics/test_readers.py).

    Args:
        estimates: One per reader, on the same data set.
        label: Its name in messages and in the report.

    Raises:
        AuditError: If there are fewer than three readers; use `mean_over_readers` instead.
    """
    count = len(estimates)
    if count < FEWEST_READERS:
        raise AuditError(
            f"{label}: {count} readers are too few for a sample of readers",
            f"ask {FEWEST_READERS} to read, or report the mean of these readers alone",
        )
    fixed = mean_over_readers(estimates, label)
    variance = fixed.influence.variance
    alone = float(np.mean([estimate.influence.variance for estimate in estimates]))
    covariance = (count * variance - alone) / (count - 1)
    values = np.array([estimate.value for estimate in estimates])
    deviations = (values - values.mean()) / (count * (count - 1)) ** 0.5
    between = float(deviations @ deviations)
    wanted = max(covariance, variance - between, 0.0)
    patients = fixed.influence.times((wanted / variance) ** 0.5 if variance > 0 else 0.0)
    content = b"".join(estimate.influence.values.tobytes() for estimate in estimates)
    digest = hashlib.sha256(values.tobytes() + content).hexdigest()
    names = np.array([f"{digest}/{number:03d}" for number in range(count)])
    readers = Influence.of(READERS, names, deviations)
    again = [estimate.rebuild for estimate in estimates]

    def rebuild(keys: Keys) -> Estimate:
        return mean_over_random_readers([on(keys) for on in again if on is not None], label)

    spread = fixed.with_influence(patients.plus(readers, 1.0))
    return replace(spread, rebuild=None if None in again else rebuild)


def planned_cases(precision: float, auroc: float = 0.5, ratio: float = 1.0) -> int:
    """Smallest number of positive cases that gives a reader's AUROC this precision.

    Uses the variance of Hanley and McNeil (Radiology 143, 1982), which is exact for an AUROC of one
    half without ties: (m + n + 1) / (12 m n).

    Args:
        precision: Half width of the wanted 95 % interval, .002 to .5.
        auroc: The expected AUROC, from .5 to below 1; the nearer to 1, the fewer cases are needed.
        ratio: Negative cases per positive one, above 0; rounded up to whole cases.

    Raises:
        AuditError: If a number is out of its range.
    """
    if not (0.002 <= precision <= 0.5 and 0.5 <= auroc < 1 and 0 < ratio < np.inf):
        raise AuditError(
            f"no number of cases can be planned for a half width of {precision:g}, an AUROC of "
            f"{auroc:g} and {ratio:g} negatives per positive",
            "plan for a half width of .002 to .5, an AUROC of .5 to below 1 and a ratio above 0",
        )
    variance = (precision / float(ndtri(0.975))) ** 2

    def reached(positives: int) -> bool:
        return hanley_mcneil(1 - auroc, positives, ceil(ratio * positives)) <= variance

    return 1 + bisect_left(range(1, _MOST_CASES), True, key=reached)
