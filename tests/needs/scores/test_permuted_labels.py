"""How often a check fails on labels that mean nothing (C8)."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table

from audit_suite import WithoutROI, permuted_fails

HIDDEN = "without-lungs"


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def scored(scores, labels, patients=None, **more):
    who = [None] * len(labels) if patients is None else patients
    cases = [case(i, label, who[i]) for i, label in enumerate(labels)]
    return Stored(cases, {HIDDEN: table(scores), **{k: table(v) for k, v in more.items()}})


def test_permuted_labels_fail_by_chance_alone_whatever_the_model(here):
    """Even where the true labels are told perfectly."""
    labels = np.arange(120) % 2
    found = permuted_fails((WithoutROI(),), 0.05).answer(here, scored(labels + 0.0, labels))
    assert 0 <= found.value <= 0.05
    assert found.n_images == 120
    again = permuted_fails((WithoutROI(),), 0.05).answer(here, scored(labels + 0.0, labels))
    assert again.value == found.value


@pytest.mark.parametrize("images", [1, 4])
def test_without_a_margin_they_fail_at_the_level_of_the_test(here, images):
    """About one in twenty: also where a patient's images are all alike."""
    rng = np.random.default_rng(7)
    patients = np.repeat([f"p{i}" for i in range(150)], images)
    scores = np.repeat(rng.normal(size=150), images)
    labels = np.repeat(np.arange(150) % 2, images)
    stored = scored(scores, labels, patients)
    found = permuted_fails((WithoutROI(),), 1e-9).answer(here, stored)
    assert 0.01 <= found.value <= 0.11


def test_all_fills_must_fail_before_a_permutation_does(here):
    rng = np.random.default_rng(8)
    labels = np.arange(150) % 2
    stored = scored(rng.normal(size=150), labels, **{f"{HIDDEN}-mean": rng.normal(size=150)})
    one = permuted_fails((WithoutROI(),), 1e-9).answer(here, stored)
    both = permuted_fails((WithoutROI(), WithoutROI(fill="mean")), 1e-9).answer(here, stored)
    assert both.value < one.value
