"""Folds are scikit-learn's: stratified by label, and no patient in two of them."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from audit_suite.needs.folds import stratified_folds


def scikit_learns(labels, patients, folds, seed):
    drawn = np.zeros(len(labels), int)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for number, (_, test) in enumerate(splitter.split(labels, labels, patients)):
        drawn[test] = number
    return drawn


@st.composite
def data_sets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(20, 150))
    patients = rng.integers(draw(st.integers(10, 150)), size=images)
    return (rng.random(images) < draw(st.floats(0.1, 0.9))).astype(int), patients.astype(str)


@settings(max_examples=60)
@given(data_sets(), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_they_are_those_of_scikit_learn(data, folds, seed):
    labels, patients = data
    assume(min(np.bincount(labels, minlength=2)) >= folds)
    assume(len(np.unique(patients)) >= folds)
    expected = scikit_learns(labels, patients, folds, seed)
    np.testing.assert_array_equal(stratified_folds(labels, patients, folds, seed), expected)


def test_many_patients_of_one_image_each_are_dealt_the_same():
    labels = np.arange(1000) % 3 % 2
    patients = np.char.add("patient-", np.arange(1000).astype(str))
    expected = scikit_learns(labels, patients, 5, 1907)
    np.testing.assert_array_equal(stratified_folds(labels, patients, 5, 1907), expected)


def test_no_patient_is_in_two_folds_and_every_fold_has_both_classes():
    rng = np.random.default_rng(3)
    patients = rng.integers(80, size=300).astype(str)
    labels = (rng.random(300) < 0.4).astype(int)
    folds = stratified_folds(labels, patients, 5, 11)
    assert set(folds) == set(range(5))
    for patient in np.unique(patients):
        assert len(set(folds[patients == patient])) == 1
    for fold in range(5):
        assert abs(labels[folds == fold].mean() - labels.mean()) < 0.05
    assert (folds != stratified_folds(labels, patients, 5, 12)).any()
