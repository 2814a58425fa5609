"""Readers as they are and as a sample: Obuchowski and Rockette by hand, and Roe and Metz's null."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from audit_suite.errors import AuditError
from audit_suite.statistics import (
    estimate_auroc,
    estimate_mean,
    mean_over_random_readers,
    mean_over_readers,
    planned_cases,
)

HIGH, LOW = (0.3, 0.3, 0.4), (0.1, 0.1, 0.8)  # shares of variance: case, case x who reads, rest
FEW, MANY = 0.011, 0.022  # variance of readers' means, about an AUROC of .7


def readers_against_model(readers, model, label):
    """As H2 compares them."""
    return mean_over_random_readers([model - reader for reader in readers], label)


def study(rng, readers, cases=60, auroc=0.7, shares=HIGH, spread=FEW, model=None):
    """Scores after Roe and Metz (Academic Radiology 4, 1997): labels, readers' rows, the model's.

    A score is the sum of what is seen in a case by all, by readers (or by the model) and by this
    one, and of how far each class of cases is shifted for this reader; a case's parts have
    variances ``shares``. By default the model's AUROC is the expected one of a reader.
    """
    labels = np.repeat([0, 1], cases)
    case, kind, rest = np.sqrt(shares)
    shift = 2**0.5 * stats.norm.ppf((auroc, model or auroc))
    seen = case * rng.normal(size=2 * cases)
    means = spread**0.5 * rng.normal(size=(readers, 2))
    mine = (1 + spread) ** 0.5 * shift[0] * labels + means[:, labels]
    mine = mine + seen + kind * rng.normal(size=2 * cases)
    mine += rest * rng.normal(size=(readers, 2 * cases))
    theirs = shift[1] * labels + seen + (kind**2 + rest**2) ** 0.5 * rng.normal(size=2 * cases)
    return labels, mine, theirs


def estimates(labels, rows, patients=None):
    names = range(len(labels)) if patients is None else patients
    return [estimate_auroc(labels, row, names, "d", f"reader {i}") for i, row in enumerate(rows)]


def by_hand(labels, rows, model):
    """Obuchowski and Rockette with Hillis' degrees of freedom, from DeLong's components."""
    positive = labels == 1
    wins = [
        (row[positive][:, None] > row[~positive]) + 0.5 * (row[positive][:, None] == row[~positive])
        for row in [model, *rows]
    ]
    areas = np.array([win.mean() for win in wins])
    s10, s01 = np.cov([win.mean(1) for win in wins]), np.cov([win.mean(0) for win in wins])
    covariance = s10 / positive.sum() + s01 / (~positive).sum()
    turn = np.c_[np.ones(len(rows)), -np.eye(len(rows))]
    gaps, between = turn @ areas, turn @ covariance @ turn.T
    count = len(rows)
    square = gaps.var(ddof=1)
    second = between[~np.eye(count, dtype=bool)].mean()
    variance = square / count + max(second, 0)
    df = variance**2 / ((square / count) ** 2 / (count - 1))
    return gaps.mean(), variance, df, between.mean()


tables = st.integers(0, 10**6).map(np.random.default_rng)


@settings(max_examples=25, deadline=None)
@given(tables, st.integers(3, 8))
def test_it_is_obuchowski_and_rockettes(rng, count):
    labels, rows, model = study(rng, count, spread=0.1)
    ours = readers_against_model(
        estimates(labels, rows), estimate_auroc(labels, model, range(len(labels)), "d"), "gap"
    )
    value, variance, df, fixed = by_hand(labels, rows, model)
    assert ours.value == pytest.approx(value)
    assert ours.se**2 == pytest.approx(max(variance, fixed))
    if variance > fixed:
        # Hillis gives patients none, here they have at least 59 of their own
        assert 1 / df - 1e-9 <= 1 / ours.df <= 1 / df + 1 / 59


@settings(max_examples=25, deadline=None)
@given(tables, st.integers(3, 6))
def test_readers_as_a_sample_are_never_surer_than_as_they_are(rng, count):
    labels, rows, model = study(rng, count, cases=25, spread=rng.choice([0, FEW, 0.3]))
    machine = estimate_auroc(labels, model, range(len(labels)), "d")
    gaps = [machine - reader for reader in estimates(labels, rows)]
    fixed, found = mean_over_readers(gaps, "fixed"), mean_over_random_readers(gaps, "random")
    assert found.value == pytest.approx(fixed.value)
    assert found.se >= fixed.se * (1 - 1e-9)
    assert found.fewest == fixed.fewest == 25
    order = rng.permutation(count)
    again = mean_over_random_readers([gaps[i] for i in order], "random")
    assert (again.se, again.df) == pytest.approx((found.se, found.df))


def test_the_mean_of_two_readers_is_a_mean_of_paired_areas():
    labels, rows, _model = study(np.random.default_rng(0), 2)
    one, two = estimates(labels, rows)
    mean = mean_over_readers([one, two], "mean of 2 readers")
    assert mean.label == "mean of 2 readers"
    assert mean.folds == ()
    assert mean.value == pytest.approx((one.value + two.value) / 2)
    assert mean.se == pytest.approx(((one + two) * 0.5).se)
    assert 0.7 * one.se < mean.se < one.se, "same cases: less than half of the variance is gone"
    low, high = mean.interval()
    assert 0 < low < mean.value < high < 1
    alone = mean_over_readers([one], "x")
    assert (alone.value, alone.se, alone.interval()) == (one.value, one.se, one.interval())


def test_one_or_two_readers_are_no_sample():
    labels, rows, model = study(np.random.default_rng(0), 2)
    machine = estimate_auroc(labels, model, range(len(labels)), "d")
    for count in (0, 1, 2):
        with pytest.raises(AuditError, match=f"{count} readers are too few"):
            readers_against_model(estimates(labels, rows[:count]), machine, "gap")
    with pytest.raises(AuditError, match="there are no readers"):
        mean_over_readers([], "x")


def test_readers_alike_to_the_last_digit():
    """No spread between readers, and none among patients: the model is one of them, four times."""
    labels, _rows, model = study(np.random.default_rng(0), 1)
    machine = estimate_auroc(labels, model, range(len(labels)), "d")
    gap = readers_against_model([machine] * 4, machine, "gap")
    assert (gap.value, gap.se) == (0, 0)
    same = mean_over_random_readers([machine] * 4, "same")
    assert same.se == pytest.approx(machine.se), "four times one reader is one reader"


def test_perfect_readers_have_an_interval():
    labels = np.repeat([0, 1], 30)
    rng = np.random.default_rng(0)
    rows = [labels * 10 + rng.normal(size=60) for _ in range(4)]
    low, high = mean_over_random_readers(estimates(labels, rows), "x").interval()
    assert low < 0.99 < high == 1


def test_identical_estimates_cancel_and_others_do_not():
    rng = np.random.default_rng(0)
    labels, rows, _model = study(rng, 4)
    _, others, _ = study(rng, 4)
    a, again, b = (
        mean_over_random_readers(estimates(labels, each), "x") for each in (rows, rows, others)
    )
    assert (a - again).se == 0
    assert (a - b).se > 0


def test_rebuilt_on_some_patients():
    labels, rows, model = study(np.random.default_rng(1), 4)
    half = np.arange(len(labels)) % 2 == 0
    patients = np.arange(len(labels)).astype(str)

    def gap(use):
        machine = estimate_auroc(labels[use], model[use], patients[use], "d")
        readers = [estimate_auroc(labels[use], row[use], patients[use], "d") for row in rows]
        return readers_against_model(readers, machine, "gap")

    whole, part = gap(labels >= 0), gap(half)
    again, _ = whole.restrict_to_shared(estimate_mean(labels[half], patients[half], "d", "x"))
    assert (again.value, again.se) == pytest.approx((part.value, part.se))


def test_a_reader_of_known_skill_is_recovered():
    """d' = 1.5 is an area of Phi(1.5 / sqrt 2) = .856; one in twenty intervals may miss it."""
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 60)
    inside = 0
    for _ in range(300):
        low, high = estimate_auroc(
            labels, 1.5 * labels + rng.normal(size=120), range(120), "d"
        ).interval()
        inside += low <= stats.norm.cdf(1.5 / 2**0.5) <= high
    assert 0.93 <= inside / 300 <= 0.975


def rejected(readers, cases, shares, spread, auroc, model=None, runs=40, by="random"):
    rng = np.random.default_rng([readers, cases, round(1000 * auroc), round(1000 * spread)])
    patients = np.arange(2 * cases).astype(str)
    count = 0
    for _ in range(runs):
        labels, rows, machine = study(rng, readers, cases, auroc, shares, spread, model)
        one = estimate_auroc(labels, machine, patients, "d")
        gaps = [one - reader for reader in estimates(labels, rows, patients)]
        mean = mean_over_random_readers if by == "random" else mean_over_readers
        low, high = mean(gaps, "gap").interval()
        count += not low <= 0 <= high
    return count / runs


# Per cent of tests at 5 % that rejected, least to most over AUROCs of .702, .855 and .961 and 50 + 50
# or 100 + 100 cases (4000 runs each; structures of Roe and Metz, by correlation and by spread of
# readers; model against readers; "fixed": `mean_over_readers`):
#
#                            3 readers   5 readers   8 readers   fixed, 3 readers
#   high, low   (HL)         2.6 - 4.8   3.9 - 5.2   4.7 - 5.3   4.0 - 7.8
#   low, low    (LL)         3.2 - 4.5   4.3 - 5.4   4.7 - 6.5   5.8 - 7.5
#   high, high  (HH)         3.8 - 6.3   3.5 - 5.5   3.4 - 5.3   8.1 - 18.0
#   low, high   (LH)         4.3 - 6.1   3.7 - 5.5   4.2 - 5.2   8.4 - 17.8
#   high, none  (50 + 50)    3.2 - 5.0   4.7 - 5.1   4.7 - 5.3   4.1 - 5.5
#
# Two modalities read by all (2000 runs): 1.6 - 6.0 with 3 readers, 1.9 - 5.8 with 5, 2.4 - 5.5 with
# 8; without the bound by these readers' own variance 3.7 - 7.5, 2.8 - 6.2, 3.3 - 6.0.
def test_no_more_than_the_level_is_rejected_where_nothing_differs():
    """400 runs have a standard error of 1.1 %, 1600 of .5 %."""
    cells = [(3, 50, HIGH, FEW), (3, 100, LOW, MANY), (5, 50, LOW, MANY), (8, 50, HIGH, MANY)]
    rates = [rejected(*cell, 0.702, runs=400) for cell in cells]
    assert 0.02 <= min(rates) <= max(rates) <= 0.08
    assert 0.035 <= np.mean(rates) <= 0.065


def test_as_they_are_readers_promise_too_much_of_others():
    fixed = rejected(3, 100, LOW, 0.1, 0.702, by="fixed", runs=100)
    assert fixed > 0.2 > 0.1 > rejected(3, 100, LOW, 0.1, 0.702, runs=100)


def test_a_model_that_is_better_is_found():
    assert rejected(5, 100, HIGH, FEW, 0.7, model=0.85) > 0.8
    assert rejected(5, 50, HIGH, FEW, 0.7, model=0.85) > 0.55
    labels, rows, model = study(np.random.default_rng(0), 5, 300, 0.7, model=0.85)
    machine = estimate_auroc(labels, model, range(600), "d")
    assert readers_against_model(estimates(labels, rows), machine, "model - readers") > 0


def test_planned_cases_are_the_fewest():
    """Half widths by (m + n + 1) / (12 m n), by hand: 1.96 x sqrt(515 / (12 x 257^2)) = .04998."""
    assert planned_cases(0.05) == 257
    z = stats.norm.ppf(0.975)
    for precision in (0.03, 0.05, 0.1):
        m = planned_cases(precision)
        half = [z * ((2 * k + 1) / (12 * k * k)) ** 0.5 for k in (m - 1, m)]
        assert half[1] <= precision < half[0]
    assert planned_cases(0.05, auroc=0.9) < planned_cases(0.05, auroc=0.7) < 257
    assert planned_cases(0.05, ratio=3) < 257 < planned_cases(0.05, ratio=0.5)


def test_planned_cases_give_what_they_promise():
    rng = np.random.default_rng(0)
    m = planned_cases(0.08, auroc=0.8, ratio=2)
    labels = np.repeat([0, 1], [2 * m, m])
    shift = 2**0.5 * stats.norm.ppf(0.8)
    widths = [
        np.diff(
            estimate_auroc(
                labels, shift * labels + rng.normal(size=3 * m), range(3 * m), "d"
            ).interval()
        )
        for _ in range(40)
    ]
    assert np.mean(widths) / 2 == pytest.approx(0.08, rel=0.1)


@pytest.mark.parametrize(
    "wanted",
    [{"precision": 0}, {"precision": 0.6}, {"auroc": 1.0}, {"auroc": 0.4}, {"ratio": 0}],
)
def test_what_cannot_be_planned_is_an_error(wanted):
    with pytest.raises(AuditError, match="no number of cases"):
        planned_cases(**{"precision": 0.05, **wanted})
