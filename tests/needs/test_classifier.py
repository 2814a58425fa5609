"""Classifiers trained by the audit: nothing of a test fold is seen, nobody is in two folds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from audit_suite import NotApplicable
from audit_suite.needs.classifier import (
    FOLDS,
    REPEATS,
    Classifier,
    _digest,
    cross_validate,
    cross_validated_auroc,
    logistic,
    tabular,
)
from audit_suite.statistics import estimate_auroc

plain = logistic("plain", StandardScaler)


class Witness:
    """A classifier that notes which rows (the first feature) it was fit to and asked about."""

    def __init__(self, notes):
        self.notes = notes

    def fit(self, features, labels):
        self.train = {int(row[0]) for row in features}
        return self

    def decision_function(self, features):
        self.notes.append((self.train, [int(row[0]) for row in features]))
        return np.array([row[0] for row in features], float)


def watched(labels, patients, seed=1):
    """The rows of every training and test fold, and the folds that were returned."""
    notes = []
    rows = np.arange(len(labels), dtype=float)[:, None]
    # A kind of its own each time: what was computed once is remembered.
    witness = Classifier(f"witness {id(notes)}", lambda: Witness(notes))
    _, folds = cross_validate(rows, labels, patients, witness, seed)
    return notes, folds


def several(rng, patients=40, most=4):
    """Patients of one to ``most`` images; a few have images of both classes."""
    images = rng.integers(1, most + 1, patients)
    names = np.repeat([f"p{i}" for i in range(patients)], images)
    labels = np.repeat(np.arange(patients) % 2, images)
    labels = np.where(rng.random(len(labels)) < 0.05, 1 - labels, labels)
    return labels, names


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6).map(np.random.default_rng))
def test_every_image_is_tested_once_a_repeat_by_classifiers_that_never_saw_its_patient(rng):
    labels, patients = several(rng)
    notes, folds = watched(labels, patients)
    assert len(notes) == FOLDS * REPEATS
    for train, test in notes:
        assert not set(patients[list(train)]) & set(patients[test])
        assert set(labels[list(train)]) == {0, 1}
        assert train | set(test) == set(range(len(labels)))
    for repeat in range(REPEATS):
        tested = [rows for _, rows in notes[repeat * FOLDS : (repeat + 1) * FOLDS]]
        assert sorted(row for rows in tested for row in rows) == list(range(len(labels)))
        for number, rows in enumerate(tested):
            assert set(folds[repeat][rows]) == {number}


def test_folds_are_drawn_anew_in_each_repeat_and_decided_by_the_seed():
    labels, patients = several(np.random.default_rng(0))
    _, folds = watched(labels, patients, seed=5)
    assert len({tuple(fold) for fold in folds}) == REPEATS
    assert np.array_equal(watched(labels, patients, seed=5)[1], folds)
    assert not np.array_equal(watched(labels, patients, seed=50)[1], folds)


def test_folds_do_not_depend_on_the_features_so_that_two_classifiers_are_paired():
    labels, patients = several(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    one, two = (
        cross_validate(rng.normal(size=(len(labels), d)), labels, patients, plain, 1)[1]
        for d in (1, 3)
    )
    assert np.array_equal(one, two)


def test_classes_are_spread_evenly_over_the_folds():
    labels = np.r_[np.ones(20, int), np.zeros(80, int)]
    _, folds = watched(labels, np.arange(100).astype(str))
    for fold in folds:
        assert [labels[fold == k].sum() for k in range(FOLDS)] == [4] * FOLDS


@pytest.mark.parametrize("rows", ["numbers", "texts", "both"])
def test_nothing_of_the_test_fold_leaks_into_the_training(rows):
    """Another test image may say what it likes: an image's score does not move.

    Medians, categories, means and spreads of the features all come from the training folds; were
    they taken over all rows, the strange values below would move every score.
    """
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 2
    patients = np.arange(60).astype(str)
    age = [f"{value:.1f}" for value in rng.normal(60 + 8 * labels, 10)]
    site = ["abc"[rng.integers(0, 3)] for _ in labels]
    for i in range(0, 60, 7):
        age[i] = site[(i + 3) % 60] = ""
    strange = 11  # this patient's values are changed
    other_age, other_site = list(age), list(site)
    other_age[strange], other_site[strange] = "99999", "unheard of"
    columns = {"numbers": (age,), "texts": (site,), "both": (age, site)}[rows]
    others = {"numbers": (other_age,), "texts": (other_site,), "both": (other_age, other_site)}[
        rows
    ]
    before, folds = cross_validate(*_fed(columns, labels, patients), 7)
    after, again = cross_validate(*_fed(others, labels, patients), 7)
    assert np.array_equal(folds, again)
    rest = np.arange(60) != strange
    for one, two, fold in zip(before, after, folds, strict=True):
        beside = rest & (fold == fold[strange])
        assert np.array_equal(one[beside], two[beside])
        elsewhere = fold != fold[strange]
        assert not np.allclose(one[elsewhere], two[elsewhere]), "there it was trained on"


def _fed(columns, labels, patients):
    features, classifier = tabular(list(zip(*columns, strict=True)))
    return features, labels, patients, classifier


def test_the_median_of_the_training_folds_stands_in_for_what_is_missing():
    """A row without a value scores as the training median does, once the flag is out of play."""
    rows = [[str(value)] for value in (1, 2, 3, 4, 100, 5, 6, 7)]
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    features, classifier = tabular([*rows, [""], ["4.5"]])
    fitted = classifier.make().fit(features[:8], labels)  # nothing is missing there: no flag
    missing, median = fitted.decision_function(features[8:])
    assert missing == median, "the median of 1, 2, 3, 4, 100, 5, 6, 7, not their mean of 16"


def test_that_a_value_is_missing_may_tell_by_itself():
    """Where only the sick were not asked, the gap is the signal."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    rows = [["" if sick and rng.random() < 0.8 else str(rng.normal())] for sick in labels]
    features, classifier = tabular(rows)
    found = cross_validated_auroc(
        features, labels, np.arange(80).astype(str), "d", classifier, 1, "x"
    )
    assert found.value > 0.8
    assert found.n_images == 80, "no row is dropped"


@pytest.mark.parametrize(
    ("column", "is_number"),
    [
        (("61", "45.5", ""), True),
        (("-1", "1e3", " 7"), True),
        (("1950", "", ""), True),
        (("61", "45y", "30"), False),
        (("PA", "AP", ""), False),
        (("1", "nan", "2"), False),
        (("1", "inf", "2"), False),
        (("", "", ""), False),
    ],
)
def test_a_column_is_numeric_if_all_that_is_known_is_a_number(column, is_number):
    features, _ = tabular([[value] for value in column])
    assert all(isinstance(value, float) for value in features[:, 0]) == is_number
    assert features.shape == (3, 1)
    if is_number:
        known = [value for value in column if value]
        assert [v for v in features[:, 0] if v == v] == [float(value) for value in known]


def test_numbers_are_ordered_and_texts_are_not():
    """The middle of three sites is the sick one: a number's slope cannot say so, categories can."""
    labels = np.tile([0, 1, 0, 0], 30)
    patients = np.arange(120).astype(str)
    values = np.tile(["1", "2", "3", "1"], 30)
    found = []
    for column in (values, [f"site {value}" for value in values]):
        features, _, _, classifier = _fed([column], labels, patients)
        found.append(cross_validated_auroc(features, labels, patients, "d", classifier, 1, "x"))
    assert found[0].value < 0.9
    assert found[1].value == pytest.approx(1)
    assert found[1].value <= found[1].interval()[1] <= 1


@pytest.mark.parametrize("missing", [False, True])
def test_a_category_that_only_a_test_fold_knows_is_no_error(missing):
    labels = np.arange(40) % 2
    site = np.where(labels, "a", "b").astype(object)
    site[4] = "" if missing else "seen once"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, _ = cross_validate(*_fed([site], labels, np.arange(40).astype(str)), 1)
    assert np.isfinite(scores).all()
    for score in scores:
        assert score[labels == 1].min() > score[4] > score[(labels == 0) & (site == "b")].max(), (
            "nothing is known of it, so it lies between the known ones"
        )


def test_a_number_missing_in_all_training_folds_is_no_error():
    labels = np.arange(40) % 2
    rare = [""] * 40
    rare[6] = "3.5"  # known of one patient: missing in every training fold that tests them
    steady = [str(i) for i in range(40)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, _ = cross_validate(*_fed([rare, steady], labels, np.arange(40).astype(str)), 1)
    assert np.isfinite(scores).all()


def test_the_estimate_is_the_mean_over_folds_and_repeats_of_their_own_aurocs():
    labels, patients = several(np.random.default_rng(4), patients=60)
    rng = np.random.default_rng(5)
    features = rng.normal(size=(len(labels), 2)) + 0.5 * labels[:, None]
    scores, folds = cross_validate(features, labels, patients, plain, 3)
    found = cross_validated_auroc(features, labels, patients, "d", plain, 3, "told")
    repeats = []
    for score, fold in zip(scores, folds, strict=True):
        parts, pairs = [], []
        for number in range(FOLDS):
            chosen = fold == number
            parts.append(roc_auc_score(labels[chosen], score[chosen]))
            sick, well = (len(set(patients[chosen & (labels == side)])) for side in (1, 0))
            pairs.append(sick * well)
        repeats.append(np.average(parts, weights=pairs))
    assert found.value == pytest.approx(np.mean(repeats))
    assert found.label == "told"
    assert found.n_patients == 60
    assert found.n_images == len(labels)


def test_it_is_paired_with_an_auroc_on_the_same_images():
    labels, patients = several(np.random.default_rng(4), patients=60)
    features = np.random.default_rng(5).normal(size=(len(labels), 1)) + 0.5 * labels[:, None]
    told = cross_validated_auroc(features, labels, patients, "d", plain, 3, "told")
    full = estimate_auroc(labels, features[:, 0], patients, "d")
    shared = full.influence.shared_with(told.influence)
    assert sum(map(len, shared.values())) == full.n_patients
    assert (full - told).se < 0.7 * (full.se**2 + told.se**2) ** 0.5, "both read the same feature"


@pytest.mark.parametrize(("sick", "enough"), [(9, False), (10, True)])
def test_patients_are_counted_not_images(sick, enough):
    patients = np.repeat([f"p{i}" for i in range(sick + 50)], 6)
    labels = np.repeat(np.r_[np.ones(sick, int), np.zeros(50, int)], 6)
    features = np.random.default_rng(0).normal(size=(len(labels), 1))
    if enough:
        scores, _ = cross_validate(features, labels, patients, plain, 1)
        assert len(scores) == REPEATS
    else:
        with pytest.raises(NotApplicable, match="9 patients of the rarer class are too few for 5"):
            cross_validate(features, labels, patients, plain, 1)


def test_a_class_nobody_has_is_too_few():
    with pytest.raises(NotApplicable, match=r"^0 patients of the rarer class"):
        cross_validate(np.zeros((30, 1)), np.zeros(30, int), np.arange(30).astype(str), plain, 1)


def test_what_was_computed_once_is_remembered_and_nothing_else_is_taken_for_it():
    made = []

    def make():
        made.append(1)
        return LogisticRegression()

    labels, patients = np.arange(40) % 2, np.arange(40).astype(str)
    features = np.random.default_rng(0).normal(size=(40, 1))
    counting = Classifier("counting", make)
    first = cross_validate(features, labels, patients, counting, 1)
    again = cross_validate(features.copy(), labels.copy(), patients.copy(), counting, 1)
    assert len(made) == FOLDS * REPEATS
    assert np.array_equal(first[0], again[0])
    for changed in (
        (features + 1e-9, labels, patients, counting, 1),
        (features, 1 - labels, patients, counting, 1),
        (features, labels, patients[::-1], counting, 1),
        (features, labels, patients, counting, 2),
        (features, labels, patients, Classifier("another kind", make), 1),
    ):
        made.clear()
        cross_validate(*changed)
        assert len(made) == FOLDS * REPEATS


def test_results_are_known_by_all_that_decides_them():
    numbers, texts = np.arange(6.0).reshape(2, 3), np.array([["a", 1.0], ["b", 2.0]], object)
    known = {
        "numbers": _digest("kind", 1, numbers),
        "kind": _digest("other", 1, numbers),
        "seed": _digest("kind", 2, numbers),
        "shape": _digest("kind", 1, numbers.reshape(3, 2)),
        "type": _digest("kind", 1, numbers.astype(np.float32)),
        "two arrays": _digest("kind", 1, numbers, numbers),
        "a value": _digest("kind", 1, numbers + np.eye(2, 3)),
        "texts": _digest("kind", 1, texts),
        "a text": _digest("kind", 1, np.array([["a", 1.0], ["c", 2.0]], object)),
    }
    assert len(set(known.values())) == len(known)
    assert _digest("kind", 1, numbers.T.copy().T) == known["numbers"], "however it lies in memory"
    assert _digest("kind", 1, texts.copy()) == known["texts"]
