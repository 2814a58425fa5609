"""Estimates: an algebra that keeps every patient's influence, and refuses to be a bare number."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.statistics import Margin, estimate_auroc, estimate_mean, estimate_proportion


def world(seed, n=60, dataset="d", shift=1.0, images=1):
    rng = np.random.default_rng(seed)
    truth = np.r_[0, 0, 1, 1, rng.integers(0, 2, n - 4)]
    patients = np.repeat(np.arange(n), images)
    labels = truth[patients]
    scores = shift * labels + rng.normal(size=n)[patients] + rng.normal(size=n * images)
    return estimate_auroc(labels, scores, patients, dataset, f"AUROC {seed}")


seeds = st.integers(0, 1000)


@given(seeds)
def test_difference_with_itself_is_nothing(seed):
    a = world(seed)
    assert (a - a).value == (a - a).se == 0
    assert (a - a).interval() == (0, 0)


@given(seeds, seeds)
def test_sums_commute_and_differences_turn(s, t):
    a, b = world(s), world(t)
    assert (a + b).value == pytest.approx((b + a).value)
    assert (a + b).se == pytest.approx((b + a).se)
    assert (a - b).value == pytest.approx(-(b - a).value)
    assert (a - b).se == pytest.approx((b - a).se)
    low, high = (a - b).interval()
    assert (b - a).interval() == pytest.approx((-high, -low))


@given(seeds, seeds)
def test_other_data_sets_are_independent(s, t):
    a, b = world(s), world(t, dataset="e")
    assert (a - b).se ** 2 == pytest.approx(a.se**2 + b.se**2)
    assert (a - b).n_patients == a.n_patients + b.n_patients


def test_same_cases_are_paired():
    rng = np.random.default_rng(0)
    labels, base = rng.integers(0, 2, 200), rng.normal(size=200)
    a = estimate_auroc(labels, base + labels, range(200), "d")
    b = estimate_auroc(labels, base + labels + 0.1 * rng.normal(size=200), range(200), "d")
    assert (a - b).se < 0.3 * (a.se**2 + b.se**2) ** 0.5
    assert (a - b).n_patients == 200


@given(seeds, st.floats(-3, 3).filter(lambda f: abs(f) > 1e-3))
def test_numbers_shift_and_scale(seed, factor):
    a = world(seed)
    assert (factor * a).value == pytest.approx(factor * a.value)
    assert (factor * a).se == pytest.approx(abs(factor) * a.se)
    assert (a - 0.5).value == pytest.approx(a.value - 0.5)
    assert (a - 0.5).interval() == pytest.approx(tuple(np.subtract(a.interval(), 0.5)))
    assert (1 - a).interval() == pytest.approx(tuple(np.subtract(1, a.interval())[::-1]))
    assert (factor * a).interval() == pytest.approx(
        tuple(sorted(np.multiply(factor, a.interval())))
    )


@given(seeds)
def test_a_weighted_sum_by_its_parts(seed):
    a, b = world(seed), world(seed + 1)
    mixed = a * 2 - b + 0.25
    assert mixed.value == pytest.approx(2 * a.value - b.value + 0.25)
    assert mixed.se == pytest.approx(((a - b) + a).se)


@given(seeds, st.integers(1, 4))
def test_interval_holds_the_value_inside_the_range(seed, images):
    a = world(seed, n=24, images=images, shift=3.0)
    for confidence in (0.5, 0.9, 0.95, 0.999):
        low, high = a.interval(confidence)
        assert 0 <= low <= a.value <= high <= 1
    assert a.interval(0.9)[0] >= a.interval(0.99)[0]


def test_degrees_of_freedom_fall_with_the_rarer_class():
    many, few = world(0, n=400), world(0, n=24)
    assert many.df > 150
    assert few.df < 24
    rng = np.random.default_rng(1)
    labels = np.r_[[1] * 8, [0] * 400]
    rare = estimate_auroc(labels, labels + rng.normal(size=408), range(408), "d")
    assert rare.df < 12


def test_restrict_to_shared():
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 2, 100), rng.normal(size=100)
    a = estimate_auroc(labels[:80], scores[:80], range(80), "d")
    b = estimate_auroc(labels[20:], scores[20:], range(20, 100), "d")
    direct = estimate_auroc(labels[20:80], scores[20:80], range(20, 80), "d")
    shared_a, shared_b = a.restrict_to_shared(b)
    assert shared_a.value == shared_b.value == direct.value
    assert (shared_a - shared_b).se == 0
    gap, _ = (a - 0.5).restrict_to_shared(b)
    assert gap.value == pytest.approx(direct.value - 0.5)
    with pytest.raises(AuditError, match="share no patient"):
        a.restrict_to_shared(world(0, dataset="elsewhere"))


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e == 0.5,
        lambda e: e != 0.5,
        lambda e: float(e),
        lambda e: bool(e),
        lambda e: e * e,
        lambda e: e.distance_to(0.5) > 0.1,
        lambda e: e.distance_to(0.5) == 0.1,
        lambda e: bool(e.distance_to(0.5)),
        lambda e: float(e.distance_to(0.5)),
        lambda e: e.distance_to(0.5) < e,
        lambda e: e < "0.6",
        lambda e: e < True,
        lambda e: e < float("nan"),
    ],
)
def test_misuse_is_a_type_error_with_advice(use):
    with pytest.raises(TypeError, match=r"estimate|distance"):
        use(world(0))


def test_means_cluster_by_patient():
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(80), 5)
    values = rng.normal(size=80)[patients] + 0.1 * rng.normal(size=400)
    found = estimate_mean(values, patients, "d", "mean")
    assert found.value == pytest.approx(values.mean())
    by_patient = values.reshape(80, 5).mean(1)
    assert found.se == pytest.approx(by_patient.std(ddof=1) / 80**0.5)


def test_a_mean_of_one_image_each_is_students():
    values = np.random.default_rng(5).normal(size=50)
    found = estimate_mean(values, range(50), "d", "mean")
    assert found.se == pytest.approx(values.std(ddof=1) / 50**0.5)
    assert found.df == pytest.approx(49)


@pytest.mark.parametrize("successes", [0, 1, 20, 39, 40])
def test_proportions_stay_between_0_and_1(successes):
    found = estimate_proportion(
        [True] * successes + [False] * (40 - successes), range(40), "d", "share"
    )
    low, high = found.interval()
    assert 0 <= low <= found.value == successes / 40 <= high <= 1
    assert high - low > 0.02


@pytest.mark.parametrize("bad", [([1.0, np.nan], [1, 2]), ([1.0], [1]), ([1.0, 2.0], [1])])
def test_bad_means_are_an_error(bad):
    with pytest.raises(AuditError):
        estimate_mean(*bad, "d", "mean")


def test_margin_keeps_its_source():
    margin = Margin(0.05, source="protocol")
    again = pickle.loads(pickle.dumps(margin))
    assert (again, again.source) == (0.05, "protocol")


def test_it_speaks():
    assert repr(world(0)).startswith("AUROC 0 0.")
    assert "[" in repr(world(0))
    assert "(n=60 patients)" in repr(world(0))
    assert (world(0) - world(1)).label == "AUROC 0 - AUROC 1"
