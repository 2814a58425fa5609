"""Chances against the number of patients: the formulae, in order, and drawn where they say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.planning.by_patients import PATIENTS, TRUTHS, by_patients
from audit_suite.report.charts.chances import chances_chart
from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.opening_chance import chance_below_floor, chance_to_open

COHORT, FLOOR, ONE = Cohort(120, 280), 0.6, Levels()


def at(auroc=0.9, cohort=COHORT, levels=ONE):
    return by_patients(auroc, cohort, FLOOR, Spread(), levels)


def test_the_patients_at_hand_stand_among_the_usual_numbers_with_the_formulae():
    found = at()
    assert [one.patients for one in found] == sorted({*PATIENTS, 400})
    (here,) = [one for one in found if one.patients == 400]
    assert here.opens[0] == chance_to_open(0.9, COHORT, FLOOR)
    assert here.opens[25] == chance_to_open(0.9, COHORT, FLOOR, shares=(0.25,) * 3)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.5, 0.98), st.integers(1, 400), st.integers(1, 4000), st.integers(1, 14))
def test_chances_are_chances_and_more_patients_decide_more(auroc, sick, healthy, places):
    found = at(auroc, Cohort(sick, healthy), Levels.shared(places=places))
    for truth in TRUTHS:
        for one in found:
            assert 0 <= one.opens[truth] <= 1
            assert 0 <= one.closes[truth] <= 1
            assert one.opens[truth] + one.closes[truth] <= 1 + 1e-9
        if truth:
            # Where too few patients open for anybody, the one may be as unlikely as the other.
            assert all(one.opens[truth] <= max(one.opens[0], 0.06) for one in found)
    honest = [one.opens[0] for one in found]
    if auroc > 0.65:
        assert honest == sorted(honest)


def test_a_model_without_skill_is_closed_by_its_floor():
    last = at(auroc=0.5)[-1]
    assert last.opens[0] == 0
    assert last.closes[0] == pytest.approx(
        chance_below_floor(0.5, COHORT.times(5000 / 400), FLOOR), abs=1e-12
    )


def test_areas_meet_what_they_say_and_the_data_are_marked():
    truths = [
        ("honest", [(100, 0.0, 0.0), (1000, 1.0, 0.0)]),
        ("a quarter", [(100, 0.0, 0.1), (1000, 0.2, 0.8)]),
        ("half", [(100, 0.0, 0.5), (1000, 0.0, 1.0)]),
    ]
    chart = chances_chart(truths, at_hand=316)
    height = chart.bottom - chart.top
    honest, quarter, half = chart.panels
    assert corners(honest.opens) == [
        (chart.left, chart.bottom),
        (chart.right, chart.top),
        (chart.right, chart.bottom),
        (chart.left, chart.bottom),
    ]
    (_, first), (_, last), *_ = corners(quarter.closes)
    assert first == pytest.approx(chart.top + 0.1 * height, abs=0.1)
    assert last == pytest.approx(chart.top + 0.8 * height, abs=0.1)
    assert corners(half.closes)[1][1] == chart.bottom
    assert chart.at_hand == pytest.approx((chart.left + chart.right) / 2, abs=0.5)
    assert [label for _, label in chart.x_ticks] == ["100", "300", "1,000"]
    assert chances_chart(truths, at_hand=50).at_hand is None


def corners(path):
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", path.rstrip("Z"))[1:]]
