"""Three ends: pass, fail, Inconclusive; levels, families, and what is recorded."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from audit_suite.errors import AuditError
from audit_suite.statistics import (
    DecisionRule,
    Family,
    Margin,
    estimate_auroc,
    estimate_mean,
    explain_comparison,
    holm,
    recording,
)
from audit_suite.statistics.decision import _bound_in_words
from audit_suite.statistics.power import smallest_effect
from audit_suite.verdict import Inconclusive, Verdict


def mean(value, se, n=2000, label="x"):
    """An estimate with (nearly) this value and standard error."""
    return estimate_mean(value + noise(n) * se * n**0.5, np.arange(n), "d", label)


@cache
def noise(n):
    """Normal quantiles with a standard deviation of one."""
    quantiles = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return quantiles / quantiles.std(ddof=1)


def ends(compare):
    try:
        return Verdict.PASS if compare() else Verdict.FAIL
    except Inconclusive:
        return Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.0, "pass"), (0.3, "pass"), (0.7, "inconclusive"), (1.2, "inconclusive"), (1.4, "fail")],
)
def test_one_sided_by_bounds(value, verdict):
    # se .2, limit 1, z .95 = 1.645: pass below .671, fail above 1.329
    assert ends(lambda: mean(value, 0.2) < 1) == verdict
    assert ends(lambda: mean(-value, 0.2) > -1) == verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.0, "pass"),
        (0.65, "pass"),
        (0.7, "inconclusive"),
        (1.38, "inconclusive"),
        (1.41, "fail"),
        (-1.41, "fail"),
    ],
)
def test_distance_passes_by_90_and_fails_by_95(value, verdict):
    # se .2: the 90 % interval lies inside +-1 below .671, the 95 % interval outside above 1.392
    assert ends(lambda: mean(5 + value, 0.2).distance_to(5) < 1) == verdict


@given(st.floats(-3, 3), st.floats(0.01, 2), st.integers(1, 40))
def test_verdicts_are_the_intervals_own(value, se, cases):
    estimate = mean(value, se, n=100)
    with recording(DecisionRule(alpha=0.05, cases=cases)):
        verdict = estimate.distance_to(0).compare("<", 1).verdict
    low90, high90 = estimate.interval(0.90)
    low, high = estimate.interval(1 - 0.05 / cases)
    if low90 > -1 and high90 < 1:
        assert verdict is Verdict.PASS
    elif low > 1 or high < -1:
        assert verdict is Verdict.FAIL
    else:
        assert verdict is Verdict.INCONCLUSIVE


def test_a_fail_is_shared_among_cases_a_pass_is_not():
    failing, passing = mean(1.4, 0.2), mean(0.6, 0.2)
    with recording(DecisionRule(cases=20)) as recorded:
        assert ends(lambda: failing < 1) is Verdict.INCONCLUSIVE
        assert ends(lambda: passing < 1) is Verdict.PASS
    assert recorded.comparisons[0].fail_level == pytest.approx(0.0025)
    assert "a fail must hold at 0.0025" in recorded.comparisons[0].message


def test_confidence_moves_both_ends():
    estimate = mean(0.6, 0.2)
    with recording(DecisionRule(alpha=0.01)):
        assert ends(lambda: estimate < 1) is Verdict.INCONCLUSIVE


def test_every_comparison_records_itself():
    a, b = mean(0, 0.1, label="a"), mean(3, 0.1, label="b")
    with recording(DecisionRule()) as recorded:
        assert a < Margin(1, source="protocol")
        assert not b < 1
        assert not a > b
        assert a - b < 0
    assert [c.verdict.value for c in recorded.comparisons] == ["pass", "fail", "fail", "pass"]
    assert recorded.comparisons[0].margin_source == "protocol"
    assert recorded.comparisons[1].margin_source == "written in the check"
    assert recorded.comparisons[2].rule == "a - b > 0"
    assert recorded.comparisons[0].p_raw > 0.99
    assert recorded.comparisons[1].p_raw < 1e-6
    record = recorded.comparisons[0].to_record()
    assert (record.estimate.label, record.relation, record.centre) == ("a", "<", None)


def test_comparing_without_recording():
    with recording(DecisionRule()) as recorded:
        assert mean(0, 0.1).compare("<", 1).verdict is Verdict.PASS
    assert recorded.comparisons == []
    assert ends(lambda: mean(0, 0.1) < 1) is Verdict.PASS, "also outside of a recording"


def test_no_verdict_on_few_patients():
    labels = [1] * 6 + [0] * 300
    scores = np.r_[np.full(6, 9.0), np.random.default_rng(0).normal(size=300)]
    estimate = estimate_auroc(labels, scores, range(306), "d")
    with pytest.raises(Inconclusive, match="6 patients of the rarer class"):
        assert estimate > 0.6
    with pytest.raises(Inconclusive):
        assert estimate < 0.6


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        ((0, 0, 0), "pass"),
        ((2, 2, 2), "fail"),
        ((0, 2, 2), "fail"),  # two of three
        ((1, 2, 2), "fail"),
        ((0, 0, 2), "inconclusive"),  # one fill alone may upset the model
        ((0, 2, 2, 2), "fail"),
        ((0, 0, 2, 2), "inconclusive"),  # half is not most
        ((1, 1), "inconclusive"),
        ((0, 2), "inconclusive"),
        ((0, 0, 1), "inconclusive"),
        ((2, 1), "inconclusive"),
    ],
)
def test_a_family_passes_by_all_and_fails_by_most(verdicts, joint):
    family = Family([mean(5 + v, 0.1, label=f"fill {v}") for v in verdicts])
    with recording(DecisionRule()) as recorded:
        assert ends(lambda: family.distance_to(5) < 1) == joint
        assert ends(lambda: family < 6) == joint
    assert len(recorded.comparisons) == 2 * len(verdicts)
    assert {c.verdict.value for c in recorded.comparisons} == {joint}
    assert family.compare(">", 0).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("verdicts", "joint", "rests_on"),
    [
        ((0, 0), "pass", 2),
        ((0, 2), "pass", 1),
        ((2, 1, 0), "pass", 1),
        ((2, 1), "inconclusive", 1),
        ((1, 1), "inconclusive", 2),
        ((2, 2, 2), "fail", 3),
    ],
)
def test_one_of_a_family_may_be_enough(verdicts, joint, rests_on):
    means = [mean(5 + v, 0.1, label=f"fill {v}") for v in verdicts]
    with recording(DecisionRule()) as recorded:
        assert ends(lambda: Family(means, enough="one") < 6) == joint
    assert {c.verdict.value for c in recorded.comparisons} == {joint}
    assert len(recorded.comparisons) == rests_on
    assert len(recorded.observations) == len(means) - rests_on, "and the others are shown"
    assert recorded.rule.chances == 1, "of what is compared afterwards"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(1e-5, 0.2))
def test_most_are_shown_by_the_partial_conjunction(p_values, level):
    """More than half false: p of n hypotheses, u the majority, is (n - u + 1) p_(u)."""
    count = len(p_values)
    most = count // 2 + 1
    p = (count - most + 1) * sorted(p_values)[most - 1]
    if abs(p - level) < 1e-6:
        return
    z = stats.norm.isf(np.clip(p_values, 1e-12, 1 - 1e-12))  # p of "above 0" is that of z/1
    family = Family([mean(each, 1.0, n=200_000) for each in z])
    with recording(DecisionRule(alpha=level)):
        judged = family.compare("<", 0)
    assert (judged.verdict is Verdict.FAIL) == (p < level and judged.verdict is not Verdict.PASS)


def test_most_of_a_family_that_is_at_the_limit_fails_at_the_level():
    rng = np.random.default_rng(9)
    failed = 0
    for _ in range(2000):
        shared = rng.normal()
        z = 0.5**0.5 * shared + 0.5**0.5 * rng.normal(size=3)
        family = Family([mean(5 + 0.1 * each, 0.1, n=200) for each in z])
        with recording(DecisionRule(alpha=0.05)):
            failed += family.compare("<", 5).verdict is Verdict.FAIL
    assert failed <= stats.binom.ppf(0.999, 2000, 0.05)
    assert failed >= 20, "the rule can fail"


def test_several_chances_to_pass_share_the_level():
    alone = mean(0.0, 1.0, n=10_000)
    limit = 1.75  # above the one-sided 95 % bound, below the 97.5 % bound
    with recording(DecisionRule()):
        assert ends(lambda: alone < limit) == "pass"
        assert ends(lambda: Family([alone], enough="one") < limit) == "pass"
        assert ends(lambda: Family([alone, alone], enough="one") < limit) == "inconclusive"
        assert ends(lambda: Family([alone, alone]) < limit) == "pass"


def test_models_at_the_limit_rarely_pass_however_many_chances_they_have():
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(400):
        drawn = [mean(v, 1.0, n=10_000) for v in 6 + rng.normal(size=4)]
        passed += Family(drawn, enough="one").compare("<", 6).verdict is Verdict.PASS
    assert passed <= 33, "5 % of 400, and three standard errors"


def test_messages_say_value_interval_n_and_limit():
    estimate = mean(0.72, 0.02, n=214, label="AUROC")
    (line,) = explain_comparison(estimate, "<", 0.6)
    # 97.5 % one-sided would be .681; a fail of one case is by the opposite one-sided 95 % bound
    assert line == (
        "AUROC 0.720 [0.681, 0.759] (n=214 patients) is not below 0.6 (lower 95 % bound 0.687)"
    )
    (line,) = explain_comparison(estimate.distance_to(0.5), "<", 0.05)
    assert "to 0.5 is not below 0.05" in line
    (line,) = explain_comparison(estimate, "<", 0.73)
    assert line.startswith(
        f"it is undecided whether {estimate!r} is below 0.73 (upper 95 % bound 0.753); the smallest"
    )
    assert explain_comparison(estimate, "==", 1) is None
    assert explain_comparison(3, "<", 1) is None
    lines = explain_comparison(Family([estimate, estimate]), "<", 0.6)
    assert len(lines) == 2
    with pytest.raises(Inconclusive, match="smallest margin these data could show"):
        assert mean(0.5, 0.1).distance_to(0.5) < 0.05


def test_an_impossible_margin_is_an_error():
    with pytest.raises(AuditError, match="cannot be below"):
        assert mean(0, 1).distance_to(0) < 0


def test_power_gives_the_published_table():
    # checks.md: positives needed to pass |A - .5| < d with 90 % power at 1, 4, 19 negatives each
    for margin, needed in (
        (0.10, (180, 113, 95)),
        (0.05, (721, 451, 380)),
        (0.03, (2004, 1253, 1055)),
    ):
        for ratio, positives in zip((1, 4, 19), needed, strict=True):
            m, n = positives, positives * ratio
            se = ((m + n + 1) / (12 * m * n)) ** 0.5
            assert smallest_effect(se, 1e6, 0.05, two_sided=True) == pytest.approx(margin, rel=0.01)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm(p_values):
    adjusted = holm(p_values)
    m = len(p_values)
    for i, p in enumerate(p_values):
        smaller = sorted(p_values)
        expected = max((min(1, (m - j) * q) for j, q in enumerate(smaller) if q <= p), default=p)
        assert adjusted[i] == pytest.approx(expected)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))


@given(st.floats(1e-12, 0.5))
@example(5e-5)
def test_no_bound_is_one_of_all(level):
    """Also where many checks share the level of a release."""
    side, percent, *words = _bound_in_words(True, level).split()
    assert (side, words) == ("upper", ["%", "bound"])
    assert 50 <= float(percent) < 100
    assert 1 - float(percent) / 100 == pytest.approx(level, rel=0.06, abs=5.1e-5)
    if level <= 5e-5:
        assert 1 - float(percent) / 100 == pytest.approx(level, rel=0.06)
