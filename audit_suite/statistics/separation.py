"""How much of the separation of a score a cue explains, such as a tag or an image property.

The share is ``b . (Z1 - Z0) / (S1 - S0)``: the slopes of the score on the cue among patients of one
class, times how far the cue differs between the classes, over how far the score does. It is 1 for a
score that knows the label only through the cue, and 0 for one that does not depend on the cue among
patients of one class, or whose cue is alike in both classes. Scores and numbers count by the normal
scores of their ranks. A noisy measurement of a cue understates what the cue explains.

95 % intervals covered the truth in .92 to .98 of 300 simulations per setting (seven kinds of score,
500 or 1,500 patients, prevalence .1 or .3, one or three images a patient). Above .25 none of the
honest scores was shown to be, and every reader of a cue was; below it .97 to 1.0 of the honest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from audit_suite.errors import AuditError
from audit_suite.statistics.auroc import CLASSES
from audit_suite.statistics.estimate import Estimate
from audit_suite.statistics.influence import Influence
from audit_suite.statistics.numbering import how_many, numbered
from audit_suite.statistics.ranks import ranked
from audit_suite.verdict import Inconclusive

Floats = NDArray[np.float64]

FEWEST_OF_A_VALUE = 10
"""Patients who must share a value of a tag; rarer values count as one."""

_ALIKE = 1e-9  # share of a cue's variation that is rounding
_FULL_LEVERAGE = 0.9  # beyond, an image's own slope would be divided by almost nothing


class Separation(NamedTuple):
    """Two estimates on the same patients; their ratio is the share.

    Attributes:
        explained: The part of the separation that the cue explains.
        whole: How far apart the classes' mean normal scores are.
    """

    explained: Estimate
    whole: Estimate


def estimate_separation(
    labels: NDArray[np.int_],
    scores: Floats,
    cue: Floats,
    patients: NDArray[Any],
    dataset: str,
    label: str,
    strata: NDArray[np.int_] | None = None,
) -> Separation:
    """Estimate what a cue explains of a score's separation.

    A patient's influence has a part by the slopes and a part by the means of the classes; ranks are
    held fixed. A score that ranks the classes the other way round is turned.

    Args:
        labels: Shape (n,), 0 or 1.
        scores: Shape (n,), finite.
        cue: Shape (n, k), by `basis_of_numbers` or `basis_of_words`; several cues side by side are
            judged together.
        patients: Shape (n,), numbers (`Dataset.patients`) or names.
        dataset: Digest of the data set.
        label: What the cue is called.
        strata: Shape (n,); only images of one stratum are compared, because scores of different
            folds of a model are not on one scale. None: all are.

    Raises:
        AuditError: If no stratum holds two patients of each class.
        Inconclusive: If the cue differs between the classes, but not among patients of one class:
            then what follows the cue cannot be told from what follows the label.
    """
    groups = np.zeros(len(labels), np.int_) if strata is None else strata
    weights = _weights(labels, groups, patients, label)
    there = weights != 0
    names, weights, cells = patients[there], weights[there], (2 * groups + labels)[there]
    ranked = _within(scores[there], groups[there])
    score = _centred(ranked[:, None], cells)[:, 0]
    inner = _centred(cue[there], cells)
    differs = weights @ cue[there]
    inverse = _inverse(inner.T @ inner, differs, label)
    slopes = inverse @ (inner.T @ score)
    leverage = np.einsum("ij,jk,ik->i", inner, inverse, inner)
    residual = (score - inner @ slopes) / (1 - np.minimum(leverage, _FULL_LEVERAGE))
    explained = residual * (inner @ (inverse @ differs)) + (inner @ slopes) * weights
    side = -1.0 if weights @ ranked < 0 else 1.0
    parts = (
        (f"separation explained by {label}", float(slopes @ differs), explained),
        ("separation of the score", float(weights @ ranked), score * weights),
    )
    return Separation(
        *(
            _summed(name, side * value, side * influence, labels[there], names, dataset)
            for name, value, influence in parts
        )
    )


def basis_of_numbers(values: Floats) -> Floats:
    """Hermite polynomials of the normal scores of numbers, so that curved relations count.

    Args:
        values: Shape (n,); NaN where unknown, which is a value of its own.

    Returns:
        Shape (n, 3), or (n, 4) where some are unknown.
    """
    known = np.isfinite(values)
    score = np.zeros(len(values))
    score[known] = normal_scores(values[known])
    columns = [score, score**2 - 1, score**3 - 3 * score]
    basis = np.stack([column * known for column in columns], axis=1)
    return basis if known.all() else np.column_stack([basis, ~known])


def basis_of_words(values: Sequence[str], patients: NDArray[Any]) -> Floats:
    """One indicator per value of a tag; values that few patients have count as one.

    Args:
        values: One per image; an empty text (unknown) is a value.
        patients: Shape (n,).

    Returns:
        Shape (n, k), without the most frequent value.
    """
    texts = np.asarray(values, np.str_)
    counts = {value: how_many(patients[texts == value]) for value in np.unique(texts)}
    common = [value for value, count in counts.items() if count >= FEWEST_OF_A_VALUE]
    most = max(common, key=lambda value: (counts[value], value), default=None)
    shown = [texts == value for value in common if value != most]
    rare = ~np.isin(texts, common)
    return np.stack([*shown, rare], axis=1).astype(np.float64)


def normal_scores(values: Floats) -> Floats:
    """Normal scores (van der Waerden) of ranks, ties at their mean rank, shape (n,)."""
    scores: Floats = ndtri(ranked(values) / (len(values) + 1))
    return scores


def _weights(
    labels: NDArray[np.int_], groups: NDArray[np.int_], patients: NDArray[Any], label: str
) -> Floats:
    """Weight of each image in the difference of the classes; 0 in strata without both classes.

    A stratum counts by its pairs of images over their number, as in a two-way analysis of variance.
    """
    weights, total = np.zeros(len(labels)), 0.0
    for group in np.unique(groups):
        sides = [(groups == group) & (labels == side) for side in (0, 1)]
        if min(how_many(patients[side]) for side in sides) < 2:
            continue
        without, having = (int(side.sum()) for side in sides)
        share = without * having / (without + having)
        weights[sides[0]], weights[sides[1]] = -share / without, share / having
        total += share
    if not total:
        raise AuditError(
            f"{label}: no group holds two patients with and two without the finding",
            "use fewer folds or coarser strata, or audit on more data",
        )
    return weights / total


def _within(values: Floats, groups: NDArray[np.int_]) -> Floats:
    ranked = np.zeros(len(values))
    for group in np.unique(groups):
        ranked[groups == group] = normal_scores(values[groups == group])
    return ranked


def _centred(values: Floats, cells: NDArray[np.int_]) -> Floats:
    """Columns less their means in each cell, a class within a stratum."""
    centred = values.copy()
    for cell in np.unique(cells):
        centred[cells == cell] -= values[cells == cell].mean(axis=0)
    return centred


def _inverse(gram: Floats, differs: Floats, label: str) -> Floats:
    """Inverse of the cue's variation within classes, over the directions in which it varies."""
    sizes, directions = np.linalg.eigh(gram)
    varies = sizes > _ALIKE * max(float(sizes.max(initial=0.0)), 1.0)
    if (np.abs(directions[:, ~varies].T @ differs) > _ALIKE**0.5).any():
        raise Inconclusive(
            f"{label} differs between patients with and without the finding, but not among those "
            f"of one class: what follows it cannot be told from what follows the label"
        )
    kept = directions[:, varies]
    inverse: Floats = (kept / sizes[varies]) @ kept.T
    return inverse


def _summed(
    label: str,
    value: float,
    influence: Floats,
    labels: NDArray[np.int_],
    names: NDArray[Any],
    dataset: str,
) -> Estimate:
    """An estimate from the influence of each image."""
    unique, of_image = numbered(names)
    sick = np.bincount(of_image, weights=labels) > 0
    well = np.bincount(of_image, weights=1 - labels) > 0
    m, n = int(sick.sum()), int(well.sum())
    scale = np.where(labels == 1, (m / (m - 1)) ** 0.5, (n / (n - 1)) ** 0.5)
    by_patient: Floats = np.bincount(of_image, weights=influence * scale).astype(np.float64)
    return Estimate(
        label=label,
        value=value,
        influence=Influence.of(dataset, unique, by_patient, sick.astype(np.int_), CLASSES),
        n_images=len(labels),
        n_positives=m,
        fewest=min(m, n),
    )
