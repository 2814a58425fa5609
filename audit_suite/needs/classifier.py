"""Classifiers trained on masks, metadata or embeddings, cross-validated by patient."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence.again import again
from audit_suite.evidence.store import Arrays
from audit_suite.needs.folds import stratified_folds
from audit_suite.statistics import Estimate, estimate_auroc_within
from audit_suite.statistics.numbering import how_many
from audit_suite.statistics.ranks import ranked
from audit_suite.verdict import NotApplicable

FOLDS, REPEATS = 5, 5
_ENOUGH = 2000  # images tested over all repeats: beyond, new folds hardly move the mean
_REMEMBERED = 128  # results kept in memory, without their features: embeddings are large

Floats = NDArray[np.float64]
Validated = tuple[list[Floats], list[NDArray[np.int_]]]  # scores and test folds, per repeat
_VALIDATED: dict[str, Validated] = {}
_DRAWN: dict[tuple[bytes, bytes, int], NDArray[np.int_]] = {}


def cross_validate(
    features: NDArray[Any],
    labels: NDArray[np.int_],
    patients: NDArray[Any],
    make: Classifier,
    seed: int,
) -> Validated:
    """Scores of every image by classifiers that were not trained on its patient.

    Folds are grouped by patient, stratified by label and drawn anew in each repeat. Results are
    remembered: a data set's masks and metadata are the same for every model.

    Args:
        features: Shape (n, d).
        labels: Shape (n,), 0 or 1.
        patients: Shape (n,).
        make: Recipe of the classifier. Everything it learns from the features (means, categories,
            components) it learns inside the folds.
        seed: Decides the folds.

    Returns:
        For each repeat the scores (log odds) and the test fold of every image, each of shape (n,).

    Raises:
        NotApplicable: If there are too few patients of a class for the folds.
    """
    digest = _digest(make.kind, seed, features, labels, patients)
    if digest not in _VALIDATED:
        validated = _kept(digest, lambda: _cross_validate(features, labels, patients, make, seed))
        if len(_VALIDATED) >= _REMEMBERED:
            del _VALIDATED[next(iter(_VALIDATED))]
        _VALIDATED[digest] = validated
    return _VALIDATED[digest]


@dataclass(frozen=True)
class Classifier:
    """A recipe for scikit-learn classifiers.

    Attributes:
        kind: Name of the recipe, unique to it.
        make: Returns a new, unfitted classifier.
    """

    kind: str
    make: Callable[[], Any]


def _cross_validate(
    features: NDArray[Any],
    labels: NDArray[np.int_],
    patients: NDArray[Any],
    make: Classifier,
    seed: int,
) -> Validated:
    from threadpoolctl import threadpool_limits

    rarer = min(how_many(patients[labels == side]) for side in (0, 1))
    if rarer < 2 * FOLDS:
        raise NotApplicable(
            f"{rarer} patients of the rarer class are too few for {FOLDS}-fold cross-validation "
            f"(it needs {2 * FOLDS})"
        )
    scores, tested = [], []
    with threadpool_limits(1):  # the last digits must not depend on the number of threads
        for repeat in range(repeats(len(labels))):
            score, fold = np.zeros(len(labels)), _folds(labels, patients, (seed + repeat) % 2**32)
            for number in range(FOLDS):
                train, test = fold != number, fold == number
                classifier = make.make().fit(features[train], labels[train])
                score[test] = classifier.decision_function(features[test])
            scores.append(score)
            tested.append(fold)
    return scores, tested


def _kept(digest: str, validate: Callable[[], Validated]) -> Validated:
    """A result, from the cache if an earlier run fitted the same classifiers."""

    def make() -> Arrays:
        scores, tested = validate()
        return {"scores": np.stack(scores), "tested": np.stack(tested)}

    arrays = again(make, "classifiers", digest)
    return list(arrays["scores"]), list(arrays["tested"])


def _digest(kind: str, seed: int, *arrays: NDArray[Any]) -> str:
    """Of all that decides a result; numbers as they lie in memory, texts as they are pickled."""
    digest = hashlib.sha256(json.dumps([kind, seed]).encode())
    for array in arrays:
        digest.update(json.dumps([str(array.dtype), array.shape]).encode())
        plain = array.dtype != np.object_
        digest.update(np.ascontiguousarray(array).data if plain else pickle.dumps(array.tolist()))
    return digest.hexdigest()


def _folds(labels: NDArray[np.int_], patients: NDArray[Any], seed: int) -> NDArray[np.int_]:
    """The fold in which each image is tested; kept, because most classifiers share theirs."""
    key = labels.tobytes(), patients.tobytes(), seed
    if key not in _DRAWN:
        if len(_DRAWN) >= _REMEMBERED:
            del _DRAWN[next(iter(_DRAWN))]
        _DRAWN[key] = stratified_folds(labels, patients, FOLDS, seed)
    return _DRAWN[key]


def repeats(images: int) -> int:
    """How often the folds are drawn: five times, fewer for large data sets."""
    return min(REPEATS, max(1, -(-_ENOUGH // images)))


def cross_validated_auroc(
    features: NDArray[Any],
    labels: NDArray[np.int_],
    patients: NDArray[Any],
    dataset: str,
    make: Classifier,
    seed: int,
    label: str,
    strata: NDArray[np.int_] | None = None,
) -> Estimate:
    """AUROC of a kind of classifier on unseen patients, averaged over test folds and repeats.

    The influence of the mean over these folds (`estimate_auroc_within`) covers what patients do as
    test cases. They also move the mean as training cases, and where the features are uninformative
    by about as much again: on null data the variance was 1.6 to 2.5 times that of the influence,
    whose intervals excluded .5 in 11 to 31 %. This part is added. One pseudo-patient per data set
    carries it, so that it cancels in the difference of two classifiers trained on the same folds as
    far as it is the same for both.

    Args:
        features: Shape (n, d).
        labels: Shape (n,).
        patients: Shape (n,).
        dataset: Digest of the data set.
        make: Recipe of the classifier.
        seed: Decides the folds.
        label: Label of the estimate.
        strata: Shape (n,), from 0; only images of one stratum are compared. None compares all.

    Raises:
        NotApplicable: If there are too few patients.
    """
    scores, tested = cross_validate(features, labels, patients, make, seed)
    if strata is not None:
        tested = [fold + FOLDS * strata for fold in tested]
    estimate = estimate_auroc_within(labels, scores, patients, tested, dataset, label)
    tested_only = estimate.influence
    both = tested_only.with_boundary(f"{dataset}/training", tested_only.variance)
    return estimate.with_influence(both)


def logistic(kind: str, *before: Callable[[], Any]) -> Classifier:
    """The recipe of an L2-regularised logistic regression after other scikit-learn steps.

    Args:
        kind: Name of the recipe, unique to it.
        *before: Each makes a transformer, in their order; they import scikit-learn, which takes a
            second, and is not needed where all that is asked for is known.
    """

    def make() -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        return make_pipeline(*(step() for step in before), LogisticRegression(max_iter=1000))

    return Classifier(kind, make)


def scaler() -> Any:
    """A step that brings each feature to mean 0 and standard deviation 1."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def imputer(add_indicator: bool = False) -> Any:
    """A step that puts the median of a feature where it is unknown.

    Args:
        add_indicator: Whether that it is unknown becomes a feature too.
    """
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", add_indicator=add_indicator, keep_empty_features=True)


def tabular(rows: Sequence[Sequence[str]]) -> tuple[NDArray[Any], Classifier]:
    """Features from text columns, and the classifier for them.

    A column whose known values are all numbers is numeric (missing values get the median of the
    training folds and an indicator of their own). Any other is categorical (missing is a category).

    Args:
        rows: One row per image, one text per column; empty where unknown.

    Returns:
        Features of shape (n, d), and the recipe that does the rest inside the folds.
    """
    columns = list(zip(*rows, strict=True))
    numeric = [i for i, column in enumerate(columns) if _is_numeric(column)]
    others = [i for i in range(len(columns)) if i not in numeric]
    features = np.empty((len(rows), len(columns)), object)
    for i, column in enumerate(columns):
        known = [float(v) if v else np.nan for v in column] if i in numeric else list(column)
        features[:, i] = known

    def steps() -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        return ColumnTransformer(
            [
                ("numeric", make_pipeline(imputer(add_indicator=True), scaler()), numeric),
                ("other", OneHotEncoder(handle_unknown="ignore"), others),
            ]
        )

    return features, logistic(f"tabular {numeric} {others}", steps)


def standard_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, ties at their mean, shifted and scaled to mean 0 and standard deviation 1."""
    ranks = ranked(values)
    standard: NDArray[np.float64] = (ranks - ranks.mean()) / (float(ranks.std()) or 1.0)
    return standard


def _is_numeric(column: Sequence[str]) -> bool:
    known = [value for value in column if value]
    try:
        return bool(known) and bool(np.isfinite([float(value) for value in known]).all())
    except ValueError:
        return False
