"""Medians over images, clustered by patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from audit_suite.statistics.estimate import Estimate
from audit_suite.statistics.means import estimate_mean

_Z = 1.959964


def estimate_median(values: ArrayLike, patients: ArrayLike, dataset: str, label: str) -> Estimate:
    """Median over images with the interval of Woodruff (JASA 47, 1952), by patient.

    The interval of the share of images below the median is read off at the quantiles of the values
    that bound it, so that it needs no density. Where so many values are equal that both are the
    same, the standard error is 0.

    Args:
        values: Shape (n,), finite.
        patients: Shape (n,).
        dataset: Digest of the data set.
        label: Its name in messages and in the report.

    Raises:
        AuditError: As `estimate_mean`.
    """
    numbers = np.asarray(values, dtype=np.float64)
    middle = float(np.median(numbers)) if len(numbers) else 0.0
    below = (numbers < middle) + 0.5 * (numbers == middle)
    share = estimate_mean(below, patients, dataset, label)
    half = min(_Z * share.se, 0.5)
    low, high = np.quantile(numbers, (0.5 - half, 0.5 + half))
    slope = (high - low) / (2 * half) if half > 0 else 0.0
    return replace(
        share, value=middle, influence=share.influence.times(-slope), bounds=None, rebuild=None
    )
