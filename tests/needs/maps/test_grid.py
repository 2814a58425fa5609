"""The share of the frame's edge in what tells the classes apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.needs.maps.grid import separation_share
from audit_suite.statistics import estimate_mean
from audit_suite.verdict import NotApplicable


def drawn(rng, count=200, edge=0.3, noise=0.5):
    positive = rng.random(count) < 0.4
    part = edge * positive + noise * rng.standard_normal(count)
    whole = part + (1 - edge) * positive + noise * rng.standard_normal(count)
    return part, whole, positive


@given(st.integers(0, 2**31))
def test_the_mean_is_the_ratio_of_the_differences(seed):
    part, whole, positive = drawn(np.random.default_rng(seed), count=40)
    if positive.all() or not positive.any():
        return

    def difference(values):
        return values[positive].mean() - values[~positive].mean()

    share = separation_share(part, whole, positive).mean()
    assert share == pytest.approx(difference(part) / difference(whole))


def test_shares_of_all_parts_add_up_to_one():
    rng = np.random.default_rng(1)
    positive = rng.random(50) < 0.5
    values = rng.standard_normal((50, 7)) + positive[:, None]
    whole = values.sum(axis=1)
    shares = [separation_share(values[:, k], whole, positive).mean() for k in range(7)]
    assert sum(shares) == pytest.approx(1)


def test_what_moves_both_classes_alike_counts_nothing():
    positive = np.arange(40) < 20
    part = np.full(40, 5.0)
    share = separation_share(part, part + positive, positive)
    assert share.mean() == pytest.approx(0)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(400):
        share = separation_share(*drawn(rng, count=48, edge=0.3, noise=0.15))
        estimate = estimate_mean(share, [str(i) for i in range(48)], "d", "share")
        low, high = estimate.interval(0.95)
        covered.append(low <= 0.3 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("positive", [np.ones(4, bool), np.zeros(4, bool)])
def test_one_class_has_no_separation(positive):
    with pytest.raises(NotApplicable, match="one class"):
        separation_share(np.ones(4), np.arange(4.0), positive)


def test_equal_outputs_have_no_separation():
    with pytest.raises(NotApplicable, match="do not differ"):
        separation_share(np.ones(4), np.ones(4), np.array([True, True, False, False]))
