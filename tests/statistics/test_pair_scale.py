"""Differences, shares and ratios of two paired estimates: values, intervals, levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logit, ndtri

from audit_suite.statistics import (
    DecisionRule,
    Family,
    estimate_auroc,
    estimate_mean,
    judge_again,
    mean_of_folds,
    ratio,
    recording,
    share_kept,
)
from audit_suite.verdict import Verdict


def two(seed, first=0.85, second=0.75, m=60, n=200, correlation=0.6, images=1):
    """Two AUROCs of the same patients' binormal scores."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.r_[np.ones(m, int), np.zeros(n, int)], images)
    patients = np.repeat(np.arange(m + n), images)
    size = len(labels)
    shared = rng.normal(size=m + n)[patients] if images > 1 else np.zeros(size)
    one, other = rng.normal(size=(2, size))
    base = (shared + one) / (2**0.5 if images > 1 else 1)
    scores = base, correlation * base + (1 - correlation**2) ** 0.5 * other
    return tuple(
        estimate_auroc(labels, s + 2**0.5 * ndtri(auroc) * labels, patients, "d", f"AUROC {name}")
        for s, auroc, name in zip(scores, (first, second), ("first", "second"), strict=True)
    )


def by_hand(a, b, first, second, minus, centre):
    """t and its df of a contrast of logits, from the influences of each patient."""
    slopes = 1 / (first * (1 - first)), minus / (second * (1 - second))
    own = slopes[0] * a.influence.values - slopes[1] * b.influence.values
    (part,), (other,) = a.influence.parts.values(), b.influence.parts.values()
    assert (part.patients == other.patients).all()
    parts = [own[part.strata == stratum] for stratum in np.unique(part.strata)]
    squares = [float(part @ part) for part in parts]
    df = sum(squares) ** 2 / sum(s**2 / (len(p) - 1) for s, p in zip(squares, parts, strict=True))
    return centre / sum(squares) ** 0.5, df


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("limit", [-0.1, 0.0, 0.05, 0.1, 0.2])
def test_a_difference_is_judged_by_logits_around_the_limit(limit, images):
    a, b = two(3, images=images)
    one, other = a.value - limit / 2, b.value + limit / 2
    t, df = by_hand(a, b, one, other, 1.0, logit(one) - logit(other))
    assert (a - b).scale.p_above(limit) == pytest.approx(stats.t.sf(t, df), rel=1e-9)
    assert (a - b).scale.p_below(limit) == pytest.approx(stats.t.cdf(t, df), rel=1e-9)


@pytest.mark.parametrize("limit", [-0.25, 0.0, 0.25, 0.5, 1.0])
def test_a_share_is_judged_by_the_rule_of_r8(limit):
    full, hidden = two(5, 0.9, 0.6)
    allowed = 0.5 + limit * (full.value - 0.5)
    t, df = by_hand(
        hidden, full, hidden.value, allowed, limit, logit(hidden.value) - logit(allowed)
    )
    kept = share_kept(hidden, full)
    assert kept.scale.p_above(limit) == pytest.approx(stats.t.sf(t, df), rel=1e-9)
    assert kept.value == pytest.approx((hidden.value - 0.5) / (full.value - 0.5))


def test_a_ratio_has_fiellers_interval():
    """Against the closed form of Fieller (1954) for two paired means."""
    rng = np.random.default_rng(1)
    x = rng.normal(1, 1, 80)
    y = 0.5 * x + rng.normal(2, 1, 80)
    found = ratio(estimate_mean(x, range(80), "d", "x"), estimate_mean(y, range(80), "d", "y"), "r")
    t2 = stats.t.ppf(0.975, 79) ** 2 / 80
    (xx, xy), (_, yy) = np.cov(x, y)
    a, b, c = y.mean() ** 2 - t2 * yy, x.mean() * y.mean() - t2 * xy, x.mean() ** 2 - t2 * xx
    ends = (b - math.sqrt(b * b - a * c)) / a, (b + math.sqrt(b * b - a * c)) / a
    assert found.interval(0.95) == pytest.approx(ends, abs=1e-9)
    assert found.value == pytest.approx(x.mean() / y.mean())


shapes = st.sampled_from(["difference", "share", "ratio"])


def made(shape, a, b):
    return {"difference": lambda: a - b, "share": lambda: share_kept(b, a)}.get(
        shape, lambda: ratio(b - 0.5, a - 0.5, "r")
    )()


@settings(max_examples=40)
@given(shapes, st.integers(0, 10_000), st.floats(0.7, 0.97), st.floats(0.3, 0.95))
def test_intervals_and_p_values_invert_each_other(shape, seed, first, second):
    estimate = made(shape, *two(seed, first, second))
    for confidence in (0.9, 0.95, 0.999):
        low, high = estimate.interval(confidence)
        assert low <= estimate.value <= high
        level = (1 - confidence) / 2
        if abs(low) < 1:
            assert estimate.scale.p_above(low) == pytest.approx(level, abs=1e-6)
        if abs(high) < 1:
            assert estimate.scale.p_below(high) == pytest.approx(level, abs=1e-6)


@settings(max_examples=40)
@given(shapes, st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_what_a_record_holds_is_judged_again(shape, seed, margin):
    estimate = made(shape, *two(seed))
    with recording(DecisionRule(cases=7)):
        judged = estimate.distance_to(0).compare("<", margin), estimate.compare(">", margin)
    for one in judged:
        again = judge_again(one.to_record())
        assert (again.alone, again.bound_words) == (one.alone, one.bound_words)
        assert (again.p_raw, again.bound) == pytest.approx((one.p_raw, one.bound), rel=1e-9)


def test_a_difference_turned_round_and_with_itself():
    a, b = two(2)
    low, high = (a - b).interval()
    assert (b - a).interval() == pytest.approx((-high, -low))
    assert (-(a - b)).interval() == pytest.approx((-high, -low))
    assert (a - a).interval() == (0, 0)
    assert share_kept(a, a).interval() == (1, 1)


def test_folds_are_averaged_before_they_are_contrasted():
    (a, b), (c, d) = two(2), two(4)
    mean = mean_of_folds([share_kept(b, a), share_kept(d, c)])
    whole = share_kept(mean_of_folds([b, d]), mean_of_folds([a, c]))
    assert (mean.value, *mean.interval()) == pytest.approx((whole.value, *whole.interval()))
    assert mean.folds == (share_kept(b, a).value, share_kept(d, c).value)


def test_a_high_auroc_that_loses_nothing_is_shown_to_lose_nothing():
    """Half of a limit of .1 added to .98 would lie beyond 1."""
    a, b = two(8, 0.98, 0.98, m=200, n=600, correlation=0.99)
    assert (a - b).compare(">", 0.1).verdict is Verdict.FAIL
    assert (a - b).compare("<", 0.1).verdict is Verdict.PASS


def test_an_auroc_at_the_end_of_its_range():
    a, b = two(6, 0.9999, 0.99, m=30, n=100)
    assert a.value == 1
    low, high = (a - b).interval(0.95)
    assert -1 <= low <= (a - b).value <= high <= 1
    assert share_kept(b, a).compare("<", 0.25).verdict is Verdict.FAIL


def test_no_skill_leaves_the_share_open():
    full, hidden = two(7, 0.5, 0.5)
    low, high = share_kept(hidden, full).interval(0.95)
    assert (low, high) == (-10, 10)


@pytest.mark.parametrize(
    ("kept", "inverted", "said"),
    [
        (0.0, False, "pass"),
        (0.25, False, "inconclusive"),
        (0.6, False, "fail"),
        (0.6, True, "fail"),  # black turns the score round: its signal is still there
        (1.0, True, "fail"),
    ],
)
def test_r8_on_either_side(kept, inverted, said):
    full, *fills = (
        two(11, 0.9, 0.5 + side * kept * 0.4, m=500, n=1500, correlation=0.5)[i]
        for i, side in ((0, 1), (1, -1 if inverted else 1), (1, 1), (1, 1))
    )
    family = Family([share_kept(fill, full) for fill in fills])
    with recording(DecisionRule(cases=4)):
        assert family.distance_to(0).compare("<", 0.25).verdict == said


@pytest.mark.parametrize("form", ["difference", "share"])
def test_models_at_the_limit_pass_and_fail_at_the_level(form):
    """20 positives, AUROC .9: 1,500 simulations, one-sided at .05."""
    passed = failed = 0
    for seed in range(1500):
        a, b = two(seed, 0.9, 0.8 if form == "difference" else 0.6, m=20, n=180)
        estimate, limit = (a - b, 0.1) if form == "difference" else (share_kept(b, a), 0.25)
        passed += estimate.scale.p_below(limit) < 0.05
        failed += estimate.scale.p_above(limit) < 0.05
    assert passed <= stats.binom.ppf(0.9999, 1500, 0.05)
    assert failed <= stats.binom.ppf(0.9999, 1500, 0.06)
