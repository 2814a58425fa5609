"""Scores that do not differ pass nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs.evidence import Stored, case, cell, table
from scipy.special import logit

from audit_suite.needs.scores.spread import constant

quick = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


def refused(folder, scores, activation="sigmoid", lines="", **more):
    scores = np.asarray(scores, np.float64)
    stored = Stored([case(i, i % 2) for i in range(len(scores))], {"full": table(scores, **more)})
    return constant(cell(folder, activation=activation, model=lines), stored) or None


@quick
@given(
    value=st.floats(-100, 100),
    odd=st.integers(0, 2),
    count=st.integers(200, 400),
    seed=st.integers(0, 9),
)
def test_constant_and_nearly_constant_scores_are_refused(tmp_path, value, odd, count, seed):
    """Also with rounding on top, and with one image in a hundred that differs by much."""
    noise = np.random.default_rng(seed).uniform(-1, 1, count) * 2e-6 * max(1, abs(value))
    scores = np.full(count, value) + noise
    scores[:odd] = 1000
    said = refused(tmp_path, scores)
    assert "of 'd' the same score for 'sick'" in said


@quick
@given(
    low=st.floats(1e-9, 0.49),
    spread=st.floats(1e-3, 1),
    count=st.integers(4, 300),
    seed=st.integers(0, 9),
)
def test_scores_that_differ_are_not(tmp_path, low, spread, count, seed):
    """Small probabilities too: what counts is the difference between images, not its size."""
    ranks = np.random.default_rng(seed).permutation(count) / (count - 1)
    probabilities = low * (1 + spread * ranks)
    assert refused(tmp_path, logit(probabilities)) is None
    assert refused(tmp_path, probabilities, "none", "probabilities = true") is None


def test_scores_beyond_what_a_probability_can_tell_apart_are_no_constant(tmp_path):
    assert refused(tmp_path, np.linspace(40, 90, 200)) is None
    one = refused(tmp_path, np.ones(200), "none", "probabilities = true")
    assert "100% of the 200 images" in one


def test_a_classifier_of_two_values_and_a_rare_disease_is_audited(tmp_path):
    scores = np.zeros(400)
    scores[:8] = 1
    assert refused(tmp_path, scores) is None
    scores[4:] = 0
    assert "99% of the 400 images" in refused(tmp_path, scores)


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
def test_zero_for_every_image_is_constant(tmp_path, activation):
    assert refused(tmp_path, np.zeros(20), activation) is not None
    noise = np.random.default_rng(0).normal(0, 1e-9, 20)
    assert refused(tmp_path, noise, activation) is not None


def test_images_left_out_do_not_count(tmp_path):
    used = np.arange(40) % 2 == 0
    scores = np.where(used, 0.25, np.arange(40) / 40)
    assert "100% of the 20 images" in refused(tmp_path, scores, used=used)
    assert refused(tmp_path, np.zeros(4), used=np.zeros(4, bool)) is None
