"""`Exact`: what was measured and not estimated passes or fails, and is never inconclusive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.statistics import DecisionRule, Exact, Margin, explain_comparison, recording
from audit_suite.verdict import Verdict

numbers = st.floats(-10, 10)


@given(numbers, numbers)
def test_it_compares_as_its_number_does(value, limit):
    found = Exact("x", value, 3)
    assert (found <= limit) == (value <= limit)
    assert (found < limit) == (value < limit)


@pytest.mark.parametrize(
    ("compare", "verdict"),
    [
        (lambda found: found <= 0.5, Verdict.PASS),
        (lambda found: found < 0.5, Verdict.FAIL),
        (lambda found: found < 0.51, Verdict.PASS),
        (lambda found: found <= 0.49, Verdict.FAIL),
    ],
)
def test_it_records_what_was_compared(compare, verdict):
    with recording(DecisionRule(cases=40)) as recorded:
        holds = compare(Exact("gap", 0.5, 3))
    (comparison,) = recorded.comparisons
    assert holds == (verdict is Verdict.PASS)
    assert comparison.verdict is verdict, "however many cases share the level: nothing was sampled"
    assert comparison.p_raw == (1 if holds else 0)
    record = comparison.to_record()
    assert record.estimate.low == record.estimate.value == record.estimate.high == 0.5
    assert (record.estimate.n_images, record.estimate.n_patients) == (3, 0)
    assert (record.smallest_effect, record.bound) == (None, None)


def test_the_rule_says_whether_the_limit_itself_passes():
    found = Exact("gap", 0.5, 3)
    assert found.compare("<=", 0.5).rule == "gap at most 0.5"
    assert found.compare("<", 0.5).rule == "gap below 0.5"
    assert found.compare("<=", 0.5).message == "gap 0.5 (on 3 images) is at most 0.5"
    assert found.compare("<", 0.5).message == "gap 0.5 (on 3 images) is not below 0.5"


def test_the_limits_source_is_kept():
    found = Exact("gap", 0.0, 1)
    assert found.compare("<=", Margin(0.1, source="the card")).margin_source == "the card"
    assert found.compare("<=", 0.1).margin_source == "written in the check"


def test_a_failed_assertion_is_explained_in_its_own_words():
    found = Exact("gap", 0.5, 3)
    assert explain_comparison(found, "<=", 0.1) == ["gap 0.5 (on 3 images) is not at most 0.1"]
    assert explain_comparison(found, "<", 0.1) == ["gap 0.5 (on 3 images) is not below 0.1"]
    assert explain_comparison(found, ">", 0.1) is None


def test_it_cannot_be_shown_to_be_large():
    """A check that asks for a large difference of preprocessing asks the wrong way round."""
    with pytest.raises(TypeError):
        Exact("gap", 0.5, 3) > 0.1
    with pytest.raises(TypeError):
        Exact("gap", 0.5, 3) >= 0.1
