"""The chance to open, against a published table, and its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.statistics.opening_chance import Cohort, chance_to_open

TABLE = {
    (200, 0.3): [(0, 0, 0), (0.21, 0.06, 0.02), (0.42, 0.22, 0.13), (0.60, 0.42, 0.32)],
    (300, 0.3): [(0.29, 0.11, 0.05), (0.52, 0.34, 0.23), (0.71, 0.57, 0.47), (0.84, 0.75, 0.69)],
    (500, 0.1): [(0.03, 0, 0), (0.25, 0.09, 0.03), (0.46, 0.27, 0.17), (0.64, 0.47, 0.37)],
    (500, 0.3): [(0.66, 0.51, 0.41), (0.84, 0.75, 0.68), (0.94, 0.89, 0.86), (0.98, 0.96, 0.95)],
    (1500, 0.05): [(0.37, 0.18, 0.09), (0.60, 0.43, 0.32), (0.78, 0.66, 0.58), (0.89, 0.82, 0.77)],
    (1500, 0.1): [(0.81, 0.70, 0.63), (0.93, 0.88, 0.85), (0.98, 0.96, 0.95), (1, 0.99, 0.99)],
    (3000, 0.05): [(0.83, 0.74, 0.67), (0.94, 0.90, 0.87), (0.98, 0.97, 0.96), (1, 0.99, 0.99)],
}
"""Patients and prevalence: by AUROC .80, .85, .90, .95 the chance with one, two and three fills."""


@pytest.mark.parametrize(("patients", "prevalence"), TABLE)
def test_the_published_table(patients, prevalence):
    sick = round(patients * prevalence)
    for auroc, row in zip((0.8, 0.85, 0.9, 0.95), TABLE[patients, prevalence], strict=True):
        for fills, expected in zip((1, 2, 3), row, strict=True):
            chance = chance_to_open(auroc, Cohort(sick, patients - sick), fills=fills)
            assert chance == pytest.approx(expected, abs=0.015)


def test_several_images_and_what_is_left_of_the_skill():
    """By the same source: more images help (.17 -> .52), and a true residue of 10 % costs."""
    assert chance_to_open(0.9, Cohort(50, 450, 3)) == pytest.approx(0.52, abs=0.02)
    assert chance_to_open(0.85, Cohort(150, 1350), share=0.1) == pytest.approx(0.54, abs=0.02)
    assert chance_to_open(0.9, Cohort(150, 1350), share=0.1) == pytest.approx(0.65, abs=0.02)
    for kept in (0.25, 0.33, 0.5, 1.0):  # at a quarter the level, beyond it nothing
        assert chance_to_open(0.9, Cohort(900, 2100), share=kept) <= 0.05


@given(st.floats(0.5, 0.99), st.integers(0, 4000), st.integers(0, 4000), st.floats(0.5, 0.95))
def test_a_probability_that_needs_patients_and_skill(auroc, sick, well, floor):
    chance = chance_to_open(auroc, Cohort(sick, well), floor)
    assert 0 <= chance <= 1
    if min(sick, well) < 20 or auroc <= floor:
        assert chance == 0
    assert chance_to_open(auroc, Cohort(sick, well), floor, fills=1) >= chance - 1e-12
