"""The chances to open and to close, against published tables, and their limits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.opening_chance import (
    FILLS,
    chance_below_floor,
    chance_to_close,
    chance_to_open,
)
from audit_suite.suites import test_region_sensitivity

FLOOR = 0.6
OPEN = {
    (200, 0.3): [(0, 0, 0), (0.21, 0.06, 0.02), (0.42, 0.22, 0.13), (0.60, 0.42, 0.32)],
    (300, 0.3): [(0.29, 0.11, 0.05), (0.52, 0.34, 0.23), (0.71, 0.57, 0.47), (0.84, 0.75, 0.69)],
    (500, 0.1): [(0.03, 0, 0), (0.25, 0.09, 0.03), (0.46, 0.27, 0.17), (0.64, 0.47, 0.37)],
    (500, 0.3): [(0.66, 0.51, 0.41), (0.84, 0.75, 0.68), (0.94, 0.89, 0.86), (0.98, 0.96, 0.95)],
    (1500, 0.05): [(0.37, 0.18, 0.09), (0.60, 0.43, 0.32), (0.78, 0.66, 0.58), (0.89, 0.82, 0.77)],
    (1500, 0.1): [(0.81, 0.70, 0.63), (0.93, 0.88, 0.85), (0.98, 0.96, 0.95), (1, 0.99, 0.99)],
    (3000, 0.05): [(0.83, 0.74, 0.67), (0.94, 0.90, 0.87), (0.98, 0.97, 0.96), (1, 0.99, 0.99)],
    (3000, 0.1): [(0.99, 0.98, 0.97), (1, 1, 1), (1, 1, 1), (1, 1, 1)],
}
"""Patients and prevalence: by AUROC .80, .85, .90, .95 the chance with one, two and three fills."""

DESIGNS = [
    (300, 0.3, 0.85), (500, 0.1, 0.9), (500, 0.3, 0.9),
    (1500, 0.1, 0.85), (1500, 0.1, 0.9), (3000, 0.1, 0.9),
]  # fmt: skip
CLOSED = {
    0.20: (0, 0, 0.02, 0.02, 0.04, 0.13),
    0.25: (0.04, 0.02, 0.14, 0.11, 0.20, 0.53),
    0.33: (0.17, 0.17, 0.57, 0.48, 0.72, 1),
    0.50: (0.80, 0.79, 1, 1, 1, 1),
    0.75: (1, 1, 1, 1, 1, 1),
}
"""Share kept: the simulated chance to be closed in each of the designs."""

SHARED = {
    (300, 0.3): [(0.80, 0.17), (0.57, 0.05), (0.43, 0.02)],
    (500, 0.3): [(0.98, 0.32), (0.94, 0.13), (0.87, 0.09)],
    (1500, 0.1): [(1, 0.48), (0.98, 0.29), (0.96, 0.19)],
}
"""At AUROC .85 and 1, 5 and 14 targets the chance to be closed with 50 % and with 33 % kept."""


def cohort(patients, prevalence, images=1.0):
    return Cohort(patients * prevalence, patients * (1 - prevalence), images)


@pytest.mark.parametrize(("patients", "prevalence"), OPEN)
def test_the_published_chances_to_open(patients, prevalence):
    for auroc, row in zip((0.8, 0.85, 0.9, 0.95), OPEN[patients, prevalence], strict=True):
        for fills, expected in zip((1, 2, 3), row, strict=True):
            chance = chance_to_open(
                auroc, cohort(patients, prevalence), FLOOR, shares=(0.0,) * fills
            )
            assert chance == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("share", CLOSED)
def test_the_simulated_chances_to_close(share):
    for (patients, prevalence, auroc), expected in zip(DESIGNS, CLOSED[share], strict=True):
        chance = chance_to_close(auroc, cohort(patients, prevalence), (share,) * FILLS)
        assert chance == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize(("patients", "prevalence"), SHARED)
def test_targets_share_the_level_of_a_fail(patients, prevalence):
    for targets, row in zip((1, 5, 14), SHARED[patients, prevalence], strict=True):
        for share, expected in zip((0.5, 0.33), row, strict=True):
            chance = chance_to_close(
                0.85,
                cohort(patients, prevalence),
                (share,) * 3,
                levels=Levels.shared(places=targets),
            )
            assert chance == pytest.approx(expected, abs=0.05)


def test_several_images_correlated_fills_and_what_is_left_of_the_skill():
    """By the same source: each raises or lowers the chance to open as simulated."""
    alike = Spread(between_fills=0.9)
    for auroc, design, expected in (
        (0.9, cohort(500, 0.1, 3), 0.52),
        (0.85, cohort(500, 0.3, 3), 0.91),
    ):
        assert chance_to_open(auroc, design, FLOOR) == pytest.approx(expected, abs=0.03)
    for auroc, design, expected in (
        (0.9, cohort(500, 0.1), 0.27),
        (0.85, cohort(500, 0.3), 0.75),
        (0.85, cohort(1500, 0.1), 0.88),
    ):
        assert chance_to_open(auroc, design, FLOOR, spread=alike) == pytest.approx(
            expected, abs=0.02
        )
    for auroc, expected in ((0.85, 0.54), (0.9, 0.65)):
        chance = chance_to_open(auroc, cohort(1500, 0.1), FLOOR, shares=(0.1,) * 3)
        assert chance == pytest.approx(expected, abs=0.02)
    for kept, most in ((0.25, 0.02), (0.33, 0.002), (0.5, 1e-6), (1.0, 1e-6)):
        assert chance_to_open(0.9, cohort(3000, 0.3), FLOOR, shares=(kept,) * 3) <= most


def test_looks_share_the_level_of_a_pass():
    for patients, row in ((1500, (0.95, 0.78, 0.67)), (3000, (1.0, 1.0, 0.99))):
        for looks, expected in zip((1, 5, 10), row, strict=True):
            chance = chance_to_open(
                0.9, cohort(patients, 0.1), FLOOR, levels=Levels.shared(looks=looks)
            )
            assert chance == pytest.approx(expected, abs=0.015)
    assert Levels.shared() == Levels()
    shared = Levels.shared(0.1, looks=5, places=4, main=1)
    assert (shared.passing, shared.failing) == pytest.approx((0.02, 0.0125))
    assert shared.floor == pytest.approx(0.1 / 4 / 4), "a quarter of the level, over the places"


def test_a_model_inverted_under_one_fill_is_not_opened_but_closed_by_the_two_others():
    upset = (-0.5, 0.0, 0.0)
    assert chance_to_open(0.9, cohort(3000, 0.3), FLOOR, shares=upset) < 1e-6
    assert chance_to_close(0.9, cohort(3000, 0.3), upset) < 0.05
    inverted = chance_to_close(0.9, cohort(500, 0.1), (-0.5, 0.5, 0.5))
    assert inverted == pytest.approx(chance_to_close(0.9, cohort(500, 0.1), (0.5,) * 3))


def test_the_chance_to_miss_the_floor():
    for auroc, most, least in ((0.8, 1e-6, 0), (0.6, 0.0125, 0.01), (0.35, 1, 0.99)):
        assert least <= chance_below_floor(auroc, cohort(1500, 0.1), FLOOR) <= most
    assert chance_below_floor(0.35, Cohort(19, 400), FLOOR) == 0


def test_the_variance_by_owen_is_that_of_the_bivariate_normal():
    for auroc in (0.5, 0.62, 0.8, 0.95):
        both = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([ndtri(auroc)] * 2)
        expected = (both - auroc**2) * (1 / 39 + 1 / 59)
        assert Cohort(40, 60).variance(auroc) == pytest.approx(expected, rel=1e-4)
    assert Cohort(40, 60).variance(0.5) == pytest.approx((1 / 12) * (1 / 39 + 1 / 59))
    assert Cohort(40, 60, 3).variance(0.8) == pytest.approx(Cohort(40, 60).variance(0.8) * 2 / 3)


def test_as_many_fills_are_planned_as_the_check_has():
    assert len(test_region_sensitivity.FILLS) == FILLS


AUROCS, PATIENTS, SHARES = st.floats(0.5, 0.99), st.floats(0, 4000), st.floats(-1, 1)


@given(AUROCS, PATIENTS, PATIENTS, st.floats(0.5, 0.95), SHARES, st.floats(1, 5))
def test_a_probability_that_needs_patients_and_skill(auroc, sick, well, floor, share, images):
    design, shares = Cohort(sick, well, images), (share,) * 3
    opened = chance_to_open(auroc, design, floor, shares=shares)
    closed = chance_to_close(auroc, design, shares)
    assert 0 <= opened <= 1
    assert 0 <= closed <= 1
    assert opened + closed <= 1 + 1e-6
    if min(sick, well) < 20:
        assert (opened, closed) == (0, 0)
    if auroc <= floor:
        assert opened == 0
    assert chance_to_open(auroc, design, floor, shares=(share,)) >= opened - 1e-12
    assert closed == pytest.approx(chance_to_close(auroc, design, (-share,) * 3))


NEVER = 1e-6  # chances below have no order: what is kept also changes the variance


@given(st.floats(0.65, 0.97), st.floats(30, 1000), st.floats(30, 1000), st.floats(1, 8))
@example(0.96875, 30.0, 43.0, 1.0)  # opens in 6e-8, and in 2e-7 of models that keep more
def test_more_patients_more_skill_and_less_kept_open_more(auroc, sick, well, times):
    few, many = Cohort(sick, well), Cohort(sick, well).times(times)
    for share in (0.0, 0.1):
        shares = (share,) * 3
        there = chance_to_open(auroc, few, FLOOR, shares=shares)
        assert chance_to_open(auroc, many, FLOOR, shares=shares) >= there - 1e-9
        assert chance_to_open(auroc + 0.02, few, FLOOR, shares=shares) >= there - 1e-9
        kept_more = chance_to_open(auroc, few, FLOOR, shares=(share + 0.05,) * 3)
        assert kept_more <= max(there, NEVER)
        assert (
            chance_to_open(auroc, few, FLOOR, shares=shares, levels=Levels.shared(looks=2)) <= there
        )


@given(st.floats(0.65, 0.97), st.floats(30, 1000), st.floats(30, 1000), st.floats(1, 8))
def test_more_patients_and_more_kept_close_more(auroc, sick, well, times):
    few, many = Cohort(sick, well), Cohort(sick, well).times(times)
    for share in (0.5, 0.75):
        there = chance_to_close(auroc, few, (share,) * 3)
        assert chance_to_close(auroc, many, (share,) * 3) >= there - 1e-9
        assert chance_to_close(auroc, few, (share + 0.2,) * 3) >= there - 1e-9
        assert chance_to_close(auroc, few, (share,) * 3, levels=Levels.shared(places=5)) <= there
