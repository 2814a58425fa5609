"""Slope, intercept and expected error of probabilities, against brute force and known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from audit_suite.statistics.reliability import (
    BINS,
    calibration_error,
    calibration_intercept,
    calibration_slope,
    reliability_curve,
)


def world(seed, count=900, slope=1.0, shift=0.0, images=1):
    """Labels drawn from the probabilities of ``shift + slope * odds``, and the odds."""
    rng = np.random.default_rng(seed)
    odds = np.repeat(rng.normal(0, 1.5, count // images), images)
    labels = (rng.random(len(odds)) < expit(shift + slope * odds)).astype(int)
    patients = np.repeat(np.arange(count // images), images).astype(str)
    return labels, odds, patients, "d", "statistic"


@settings(max_examples=10)
@given(st.integers(0, 2**31))
def test_the_fit_is_that_of_sklearn(seed):
    from sklearn.linear_model import LogisticRegression

    labels, odds, *rest = world(seed, 300, slope=0.6)
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(odds[:, None], labels)
    assert calibration_slope(labels, odds, *rest).value == pytest.approx(
        fitted.coef_[0, 0], abs=1e-4
    )
    intercept = calibration_intercept(labels, odds, *rest).value
    assert expit(odds + intercept).mean() == pytest.approx(labels.mean(), abs=1e-8)


@pytest.mark.parametrize(
    ("statistic", "truth", "more"),
    [
        (calibration_slope, 0.5, {"slope": 0.5}),
        (calibration_intercept, -1.0, {"shift": -1.0}),
    ],
)
def test_intervals_contain_the_truth_with_several_images_a_patient(statistic, truth, more):
    """Images of one patient have the same odds: 150 patients, not 450 images."""
    held = 0
    for seed in range(80):
        low, high = statistic(*world(seed, 450, images=3, **more)).interval()
        held += low < truth < high
    assert held >= 71  # of 76 expected; fewer have a chance of 1 in 100


def test_the_error_is_that_of_ten_bins_and_chance_is_said_beside_it():
    labels, odds, *rest = world(1, 1000, slope=0.4)
    p = expit(odds)
    order = np.argsort(p)
    parts = np.array_split(order, BINS)
    expected = sum(abs((labels[part] - p[part]).sum()) for part in parts) / len(p)
    found = calibration_error(labels, odds, *rest)
    assert found.value == pytest.approx(expected)
    assert found.interval()[0] > found.at["by_chance"], "it is too sure by construction"
    calibrated = calibration_error(*world(2, 1000))
    assert calibrated.value == pytest.approx(calibrated.at["by_chance"], abs=0.02)


def test_the_curve_goes_through_the_bins():
    labels, odds, *rest = world(3, 500)
    bins = list(reliability_curve(labels, odds, *rest))
    assert len(bins) == BINS
    predicted = [one.at["predicted"] for one in bins]
    assert predicted == sorted(predicted)
    assert sum(one.n_images for one in bins) == 500
    assert np.mean([one.value for one in bins]) == pytest.approx(labels.mean())


def test_equal_probabilities_are_one_bin():
    labels, _, *rest = world(4, 200)
    (one,) = reliability_curve(labels, np.zeros(200), *rest)
    assert (one.at["predicted"], one.n_images) == (0.5, 200)


def test_classes_that_do_not_overlap_have_no_slope():
    odds = np.linspace(-2, 2, 100)
    rest = np.arange(100).astype(str), "d", "slope"
    assert calibration_slope((odds > 0).astype(int), odds, *rest) is None
    assert calibration_slope((odds > 0).astype(int), np.zeros(100), *rest) is None
