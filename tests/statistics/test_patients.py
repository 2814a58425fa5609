"""How many patients: against published tables, and the properties of a smallest number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.statistics.design import Cohort, Levels
from audit_suite.statistics.opening_chance import chance_to_open
from audit_suite.statistics.patients import MOST, patients_needed, times_needed, two_digits

NEEDED = {
    0.05: [(3600, 4390), (2640, 3200), (2000, 2440), (1580, 1920)],
    0.1: [(1900, 2330), (1390, 1700), (1060, 1280), (830, 1010)],
    0.3: [(820, 1000), (590, 720), (450, 550), (350, 430)],
    0.5: [(680, 840), (500, 600), (380, 460), (300, 360)],
}
"""By prevalence the patients for a chance of .80 and .90 at AUROC .80, .85, .90, .95."""


def needed(auroc, prevalence, wanted, **more):
    present = Cohort(200 * prevalence, 200 * (1 - prevalence))
    return patients_needed(lambda c: chance_to_open(auroc, c, 0.6, **more), present, wanted)


@pytest.mark.parametrize("prevalence", NEEDED)
def test_the_published_numbers(prevalence):
    for auroc, row in zip((0.8, 0.85, 0.9, 0.95), NEEDED[prevalence], strict=True):
        for wanted, expected in zip((0.8, 0.9), row, strict=True):
            assert needed(auroc, prevalence, wanted) == pytest.approx(expected, rel=0.03)


def test_several_targets_and_a_residue_take_more():
    for auroc, row in ((0.85, (1700, 2330, 2730)), (0.9, (1280, 1760, 2070))):
        for targets, expected in zip((1, 5, 14), row, strict=True):
            assert needed(auroc, 0.1, 0.9 ** (1 / targets)) == pytest.approx(expected, rel=0.02)
    for auroc, expected in ((0.85, 3380), (0.9, 2620)):
        residue = needed(auroc, 0.1, 0.9, shares=(0.1,) * 3)
        assert residue == pytest.approx(expected, rel=0.02)


def test_what_no_number_reaches_is_none():
    assert needed(0.6, 0.3, 0.8) is None
    assert needed(0.9, 0.3, 0.8, shares=(0.25,) * 3) is None
    assert times_needed(lambda times: min(1.0, times / 50), 0.8, 39) is None
    assert times_needed(lambda times: min(1.0, times / 50), 0.8, 64) == pytest.approx(40, rel=1e-3)


@given(st.floats(0.65, 0.97), st.floats(5, 500), st.floats(5, 500), st.sampled_from((0.8, 0.9)))
def test_the_number_is_enough_and_no_smaller_one_is(auroc, sick, well, wanted):
    present = Cohort(sick, well)
    found = patients_needed(lambda c: chance_to_open(auroc, c, 0.6), present, wanted)
    assert found is None or found <= MOST + 1
    if found is not None:
        enough, fewer = (present.times(found * part / present.patients) for part in (1, 0.995))
        assert chance_to_open(auroc, enough, 0.6) >= wanted - 1e-9
        assert chance_to_open(auroc, fewer.times((found - 1) / found), 0.6) < wanted


def test_looks_take_more_patients():
    few, many = (needed(0.9, 0.1, 0.9, levels=Levels.shared(looks=looks)) for looks in (1, 5))
    assert many > 1.3 * few


@given(st.floats(0.5, 1e7))
def test_a_number_is_given_with_two_digits(number):
    shown = two_digits(number)
    assert shown >= number
    assert shown <= math.ceil(number) * 1.1 + 1
    assert len(str(shown).rstrip("0")) <= 2
