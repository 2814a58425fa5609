"""AUROC with the influence of every patient on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit_suite.errors import AuditError
from audit_suite.statistics.estimate import Estimate, Keys
from audit_suite.statistics.influence import Influence, patients_for_verdict
from audit_suite.statistics.numbering import as_patients, how_many, numbered

Floats = NDArray[np.float64]

CLASSES = "negative", "positive"
"""Strata of patients without and with a positive image."""


def estimate_auroc(
    labels: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    dataset: str,
    label: str = "AUROC",
    weights: ArrayLike | None = None,
) -> Estimate:
    """Area under the ROC curve, clustered by patient.

    The influence of an image is its structural component (DeLong et al. 1988), of a patient the
    sum over their images (Obuchowski, Biometrics 53, 1997). Components are scaled by
    sqrt(m / (m - 1)), m the patients with images of that class, so that with one image per patient
    the variance is DeLong's to the last digit.

    At the end of the range, or within about one case of it, the components of an AUC show too
    little variance or none. Such an AUC gets the variance of Hanley and McNeil (Radiology 143,
    1982) for an AUC half a case away from the end, so that a perfect AUC has an interval. A model
    that gives all, or almost all, images the same score shows hardly any variance either; its AUC
    gets at least the variance of half a case of each class with a different score.

    Args:
        labels: Shape (n,), 0 or 1.
        scores: Shape (n,), finite; ties count one half.
        patients: Shape (n,), numbers (`Dataset.patients`) or names.
        dataset: Digest of the data set; a patient is identified within it.
        label: Its name in messages and in the report.
        weights: Shape (n,), 0 or more: a pair of images counts by the product of their weights,
            and an image of weight 0 is left out; None for equal weights.

    Raises:
        AuditError: If shapes differ, a label is not 0 or 1, a score or weight is not finite, a
            weight is negative, or a class has fewer than two patients.
    """
    truth, values, names = _validate(labels, scores, patients)
    weight = np.ones(len(truth)) if weights is None else _relative(weights, len(truth), label)
    if not weight.all():  # patients without weight must not be counted either
        there = weight > 0
        truth, values, names, weight = truth[there], values[there], names[there], weight[there]
    positive = truth == 1
    unique, of_image = numbered(names)
    has_positive = np.bincount(of_image, weights=positive) > 0
    has_negative = np.bincount(of_image, weights=~positive) > 0
    m, n = int(has_positive.sum()), int(has_negative.sum())
    if min(m, n) < 2:
        raise AuditError(
            f"{label}: {m} patients with and {n} without the finding; a variance needs two of each",
            "audit on more data, or drop this target from the card",
        )
    auc, components = _components(positive, values, weight)
    scale = np.where(positive, (m / (m - 1)) ** 0.5, (n / (n - 1)) ** 0.5)
    by_patient: Floats = np.bincount(of_image, weights=components * scale).astype(np.float64)
    edge = 1 / (2 * min(m, n) + 2)
    strata = has_positive.astype(np.int_)
    influence = Influence.of(dataset, unique, by_patient, strata, CLASSES)
    at_end = min(auc, 1 - auc) < edge
    floor = hanley_mcneil(edge, m, n) if at_end else edge * (1 - edge) * (1 / m + 1 / n) / 4
    if influence.variance < floor:
        content = truth.tobytes() + values.tobytes() + weight.tobytes()
        digest = hashlib.sha256(content).hexdigest()
        influence = influence.with_boundary(f"{dataset}/{digest}", floor - influence.variance)

    def rebuild(keys: Keys) -> Estimate:
        kept = np.isin(names, keys.get(dataset, ()))
        return estimate_auroc(truth[kept], values[kept], names[kept], dataset, label, weight[kept])

    return Estimate(
        label=label,
        value=auc,
        influence=influence,
        n_images=len(truth),
        n_positives=m,
        fewest=min(
            patients_for_verdict(of_image[side], weight[side]) for side in (positive, ~positive)
        ),
        bounds=(0.0, 1.0),
        edge=edge,
        rebuild=rebuild,
    )


def estimate_auroc_within(
    labels: ArrayLike,
    scores: Sequence[ArrayLike],
    patients: ArrayLike,
    groupings: Sequence[ArrayLike],
    dataset: str,
    label: str,
) -> Estimate:
    """Mean AUROC over groups: only images of the same group are compared with each other.

    With the test folds of repeated cross-validation as groupings it is the cross-validated AUROC,
    each fold on the scale of its own classifier (scores of different classifiers cannot be
    pooled), with the influence of LeDell, Petersen and van der Laan (Electronic Journal of
    Statistics 9, 2015). With strata as the only grouping it is the AUROC adjusted for them
    (Janes and Pepe, Biometrika 96, 2009). The weight of a group is its number of patient pairs.

    Args:
        labels: Shape (n,), 0 or 1.
        scores: One array of shape (n,) per grouping.
        patients: Shape (n,).
        groupings: For each repeat the group of every image, shape (n,); negative leaves it out.
        dataset: Digest of the data set.
        label: Its name in messages and in the report.

    Raises:
        AuditError: As `estimate_auroc`, or if no group has two patients of each class.
    """
    truth, names = np.asarray(labels), as_patients(patients)
    parts, weights, kept = [], [], np.zeros(len(truth), bool)
    for values, grouping in zip(scores, groupings, strict=True):
        group = np.asarray(grouping)
        within, pairs = [], []
        for number in np.unique(group[group >= 0]):
            chosen = group == number
            sick, well = (how_many(names[chosen & (truth == side)]) for side in (1, 0))
            if min(sick, well) < 2:
                continue
            numbers = np.asarray(values)[chosen]
            within.append(estimate_auroc(truth[chosen], numbers, names[chosen], dataset, label))
            pairs.append(sick * well)
            kept |= chosen
        parts += within
        weights += [share / sum(pairs) for share in pairs]
    if not parts:
        raise AuditError(
            f"{label}: no group holds two patients with and two without the finding",
            "use fewer folds or coarser strata, or audit on more data",
        )
    whole = sum(weights)  # the number of groupings that have a usable group
    total = parts[0] * (weights[0] / whole)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = total + part * (weight / whole)
    m, n = (how_many(names[kept & (truth == side)]) for side in (1, 0))
    return Estimate(
        label=label,
        value=min(max(total.value, 0.0), 1.0),  # shares of one need not add up to the last digit
        influence=total.influence,
        n_images=int(kept.sum()),
        n_positives=m,
        fewest=min(
            patients_for_verdict(names[side], np.ones(side.sum()))
            for side in (kept & (truth == 1), kept & (truth == 0))
        ),
        bounds=(0.0, 1.0),
        edge=1 / (2 * min(m, n) + 2),
    )


def _validate(
    labels: ArrayLike, scores: ArrayLike, patients: ArrayLike
) -> tuple[NDArray[np.int64], Floats, NDArray[Any]]:
    truth, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    names = as_patients(patients)
    if not truth.ndim == values.ndim == names.ndim == 1 or not len(truth) == len(values) == len(
        names
    ):
        raise AuditError(
            f"labels, scores and patients have shapes {truth.shape}, {values.shape}, {names.shape}",
            "give one label, one score and one patient per image",
        )
    if not np.isin(truth, (0, 1)).all():
        raise AuditError("a label is neither 0 nor 1", "drop or recode those images")
    if not np.isfinite(values).all():
        raise AuditError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} scores are not finite",
            "check the model's output on those images",
        )
    return truth.astype(np.int64), values, names


def _relative(weights: ArrayLike, count: int, label: str) -> Floats:
    """Weights as shares of the largest, so that equal ones are exactly 1."""
    given = np.asarray(weights, np.float64)
    if given.shape != (count,):
        raise AuditError(
            f"{label}: the weights of {count} images have shape {given.shape}",
            "give one weight per image",
        )
    if wrong := int((~(np.isfinite(given) & (given >= 0))).sum()):
        raise AuditError(
            f"{label}: {wrong} of {count} weights are negative or not finite",
            "check the column they come from",
        )
    shares: Floats = given / (given.max(initial=0.0) or 1.0)
    return shares


def _components(
    positive: NDArray[np.bool_], scores: Floats, weights: Floats
) -> tuple[float, Floats]:
    """The AUC and each image's influence on it, centred and divided by its class's total weight."""
    _, level = np.unique(scores, return_inverse=True)
    sums = [np.bincount(level, weights * side, level.max() + 1) for side in (positive, ~positive)]
    above, below = ((np.cumsum(total) - total / 2)[level] / total.sum() for total in sums)
    wins = np.where(positive, below, 1 - above)
    share = weights / np.where(positive, sums[0].sum(), sums[1].sum())
    auc = float(np.average(wins[positive], weights=weights[positive]))
    return auc, (wins - auc) * share


def hanley_mcneil(distance: float, m: int, n: int) -> float:
    """Variance of an AUROC ``distance`` from 0 or 1 (Hanley and McNeil, Radiology 143, 1982).

    Args:
        distance: 0 to .5.
        m: Positive cases.
        n: Negative cases.
    """
    auc = 1 - distance
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return (auc * (1 - auc) + (m - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)) / (m * n)
