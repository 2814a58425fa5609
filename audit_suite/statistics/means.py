"""Means and proportions over images, clustered by patient."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike

from audit_suite.errors import AuditError
from audit_suite.statistics.estimate import Estimate, Keys
from audit_suite.statistics.influence import Influence, patients_for_verdict
from audit_suite.statistics.numbering import as_patients, numbered


def estimate_mean(
    values: ArrayLike,
    patients: ArrayLike,
    dataset: str,
    label: str,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Mean over images with the linearised ratio variance (Cochran 1977, 6.3), by patient.

    Args:
        values: Shape (n,), finite.
        patients: Shape (n,), numbers (`Dataset.patients`) or names.
        dataset: Digest of the data set.
        label: Its name in messages and in the report.
        bounds: Ends of the range, for an interval on the logit scale; None for the plain scale.

    Raises:
        AuditError: If shapes differ, a value is not finite, or there are fewer than two patients.
    """
    numbers = np.asarray(values, dtype=np.float64)
    names = as_patients(patients)
    if numbers.shape != names.shape or numbers.ndim != 1:
        raise AuditError(
            f"{label}: values and patients have shapes {numbers.shape} and {names.shape}",
            "give one value and one patient per image",
        )
    if not np.isfinite(numbers).all():
        raise AuditError(f"{label}: a value is not finite", "check the model's output")
    unique, of_image = numbered(names)
    count = len(unique)
    if count < 2:
        raise AuditError(f"{label}: {count} patients; a variance needs two", "audit on more data")
    mean = float(numbers.mean())
    centred = np.bincount(of_image, weights=numbers - mean) / len(numbers)
    by_patient = centred * (count / (count - 1)) ** 0.5
    influence = Influence.of(dataset, unique, by_patient)
    edge = 1 / (2 * count + 2)
    if bounds is not None:
        share = (mean - bounds[0]) / (bounds[1] - bounds[0])
        if min(share, 1 - share) < edge:
            digest = hashlib.sha256(numbers.tobytes()).hexdigest()
            floor = edge * (1 - edge) / count * (bounds[1] - bounds[0]) ** 2
            influence = influence.with_boundary(f"{dataset}/{digest}", floor - influence.variance)

    def rebuild(keys: Keys) -> Estimate:
        kept = np.isin(names, keys.get(dataset, ()))
        return estimate_mean(numbers[kept], names[kept], dataset, label, bounds)

    return Estimate(
        label=label,
        value=mean,
        influence=influence,
        n_images=len(numbers),
        n_positives=None,
        fewest=patients_for_verdict(of_image, np.ones(len(names))),
        bounds=bounds,
        edge=edge,
        rebuild=rebuild,
    )


def estimate_proportion(
    successes: ArrayLike, patients: ArrayLike, dataset: str, label: str
) -> Estimate:
    """Share of images for which a condition holds, by patient; interval on the logit scale.

    Args:
        successes: Shape (n,), bool.
        patients: Shape (n,).
        dataset: Digest of the data set.
        label: Its name in messages and in the report.

    Raises:
        AuditError: As `estimate_mean`.
    """
    return estimate_mean(np.asarray(successes, bool), patients, dataset, label, bounds=(0.0, 1.0))
