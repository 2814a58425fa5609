"""The share of a score's separation that a cue explains: its value, its interval, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audit_suite.errors import AuditError
from audit_suite.statistics import ratio
from audit_suite.statistics.separation import (
    basis_of_numbers,
    basis_of_words,
    estimate_separation,
    normal_scores,
)
from audit_suite.verdict import Inconclusive


def world(kind, patients, prevalence, rng, images=1):
    """Labels, scores, a cue, patients; half of all noise is shared by a patient's images."""
    sick = round(patients * prevalence)
    labels = np.repeat((np.arange(patients) < sick).astype(int), images)
    names = np.repeat(np.arange(patients), images).astype(str)

    def noise():
        own, shared = (
            rng.normal(size=patients * images),
            np.repeat(rng.normal(size=patients), images),
        )
        return own if images == 1 else (own + shared) * 0.5**0.5

    agrees = np.repeat(rng.random(patients) < 0.9, images)
    tag = np.where(agrees, labels, 1 - labels)
    noisy = noise()
    made = {
        "honest": (1.8 * labels + 0.94 * noise() + 0.35 * noisy, noisy),
        "honest, tag agrees": (1.8 * labels + noise(), tag),
        "reads brightness": (1.2 * labels + noisy + 0.6 * noise(), 1.2 * labels + noisy),
        "reads a tag": (2 * tag + noise(), tag),
        "half": (1.2 * labels + 1.3 * tag + noise(), tag),
    }
    score, cue = made[kind]
    basis = basis_of_words(cue.astype(str), names) if cue is tag else basis_of_numbers(cue)
    return labels, score, basis, names


def share(labels, scores, basis, names, strata=None):
    parts = estimate_separation(labels, scores, basis, names, "d", "the cue", strata)
    return ratio(parts.explained, parts.whole, "share")


# Its value


def brute_force(labels, scores, basis):
    """The slopes of a regression of the normal scores on label and cue, times the differences."""
    ranked = normal_scores(scores)
    design = np.column_stack([np.ones(len(labels)), labels, basis])
    slopes = np.linalg.lstsq(design, ranked, rcond=None)[0][2:]
    differs = basis[labels == 1].mean(axis=0) - basis[labels == 0].mean(axis=0)
    return slopes @ differs / (ranked[labels == 1].mean() - ranked[labels == 0].mean())


@pytest.mark.parametrize("kind", ["honest", "reads brightness", "reads a tag", "half"])
@pytest.mark.parametrize("images", [1, 3])
def test_it_is_what_a_regression_on_label_and_cue_gives(kind, images):
    made = world(kind, 300, 0.3, np.random.default_rng(1), images)
    assert share(*made).value == pytest.approx(brute_force(*made[:3]))


@pytest.mark.parametrize(
    ("kind", "truth"),
    [("honest", 0), ("honest, tag agrees", 0), ("reads brightness", 1), ("reads a tag", 1)],
)
def test_it_is_0_for_an_honest_score_and_1_for_a_reader_of_the_cue(kind, truth):
    made = world(kind, 20_000, 0.3, np.random.default_rng(2))
    assert share(*made).value == pytest.approx(truth, abs=0.02)


def test_a_cue_that_is_alike_in_both_classes_explains_nothing_however_closely_it_is_followed():
    rng = np.random.default_rng(3)
    labels, cue = np.arange(2000) % 2, rng.normal(size=2000)
    names = np.arange(2000).astype(str)
    found = share(labels, labels + 3 * cue, basis_of_numbers(cue), names)
    assert abs(found.value) < 0.15
    assert found.compare("<", 0.25).verdict == "pass"


def test_shares_of_several_cues_side_by_side_add_up():
    rng = np.random.default_rng(4)
    labels = (rng.random(4000) < 0.4).astype(int)
    cues = [labels + rng.normal(size=4000) for _ in range(2)]
    names = np.arange(4000).astype(str)
    bases = [basis_of_numbers(cue) for cue in cues]
    joint = share(labels, cues[0] + cues[1], np.concatenate(bases, axis=1), names)
    assert joint.value == pytest.approx(1, abs=0.03)
    assert all(0.4 < share(labels, cues[0] + cues[1], basis, names).value < 0.95 for basis in bases)


@given(st.integers(0, 2**32 - 1))
def test_only_ranks_count_and_turned_scores_are_turned_back(seed):
    labels, scores, basis, names = world("half", 120, 0.4, np.random.default_rng(seed))
    found = share(labels, scores, basis, names)
    assert share(labels, np.exp(scores), basis, names).value == pytest.approx(found.value)
    assert share(labels, -scores, basis, names).value == pytest.approx(found.value)
    assert share(labels, scores, 3 * basis - 1, names).value == pytest.approx(found.value)


def test_scores_of_different_folds_are_compared_only_within_them():
    """Each fold has a scale of its own, and one of them holds most of the sick."""
    labels, scores, basis, names = world("half", 2000, 0.5, np.random.default_rng(5))
    rng = np.random.default_rng(6)
    fold = (rng.random(2000) < np.where(labels == 1, 0.8, 0.2)).astype(int)
    moved = scores + 100 * fold
    within = share(labels, moved, basis, names, fold)
    assert within.value == pytest.approx(share(labels, scores, basis, names).value, abs=0.05)
    assert abs(share(labels, moved, basis, names).value - within.value) > 0.1
    parts = [labels[fold == f].mean() for f in (0, 1)]
    assert min(parts) < 0.3 < 0.7 < max(parts)


def test_a_fold_without_both_classes_counts_for_nothing():
    labels, scores, basis, names = world("half", 400, 0.5, np.random.default_rng(7))
    fold = np.where((np.arange(400) >= 350), 1, 0)  # only healthy patients
    kept = fold == 0
    found = share(labels, scores, basis, names, fold)
    alone = share(labels[kept], scores[kept], basis[kept], names[kept])
    assert found.value == pytest.approx(alone.value)
    assert found.n_patients == 350
    with pytest.raises(AuditError, match="no group holds two patients"):
        share(labels, scores, basis, names, np.arange(400))


# What cannot be told


def test_a_cue_that_never_differs_within_a_class_cannot_be_told_from_the_label():
    labels = np.arange(200) % 2
    names = np.arange(200).astype(str)
    scores = labels + np.random.default_rng(8).normal(size=200)
    with pytest.raises(Inconclusive, match="cannot be told from what follows the label"):
        share(labels, scores, basis_of_words(labels.astype(str), names), names)
    alone = [*np.where(labels, "sick", "well")[:180], *["other"] * 20]
    mixed = [*np.where(labels, "sick", "well")[:150], *["other"] * 50]
    assert share(labels, scores, basis_of_words(mixed, names), names).interval()[0] < 0.25
    with pytest.raises(Inconclusive):
        share(labels[:180], scores[:180], basis_of_words(alone[:180], names[:180]), names[:180])


def test_a_number_with_two_values_is_a_tag_with_two_values():
    labels, scores, basis, names = world("half", 500, 0.4, np.random.default_rng(9))
    as_numbers = basis_of_numbers(basis.max(axis=1))
    assert share(labels, scores, as_numbers, names).value == pytest.approx(
        share(labels, scores, basis, names).value
    )


# Cues


@given(arrays(float, st.integers(2, 40), elements=st.integers(-1000, 1000).map(float)))
def test_numbers_count_by_their_order(values):
    basis = basis_of_numbers(values)
    assert np.allclose(basis, basis_of_numbers(values * 4 + 1))
    assert basis.shape == (len(values), 3)
    unknown = basis_of_numbers(np.append(values, np.nan))
    assert np.allclose(unknown[:-1, :3], basis)
    assert unknown[-1].tolist() == [0, 0, 0, 1]


def test_values_that_few_patients_have_count_as_one():
    names = np.array([f"p{i}" for i in range(60)])
    values = ["a"] * 30 + ["b"] * 20 + [f"rare {i}" for i in range(10)]
    basis = basis_of_words(values, names)
    assert basis.shape == (60, 2)
    assert basis.sum(axis=0).tolist() == [20, 10]
    of_one = np.array(["p"] * 60)  # sixty images of one patient
    assert basis_of_words(values, of_one).all()


# Its interval


@pytest.mark.parametrize(
    ("kind", "patients", "prevalence", "images", "truth"),
    [
        ("honest", 500, 0.1, 1, 0),
        ("honest", 300, 0.3, 3, 0),
        ("honest, tag agrees", 500, 0.3, 1, 0),
        ("reads brightness", 500, 0.3, 1, 1),
        ("reads a tag", 300, 0.3, 3, 1),
    ],
)
def test_its_interval_covers_the_truth_also_with_clustered_patients(
    kind, patients, prevalence, images, truth
):
    """120 simulations: with 95 % coverage fewer than 107 have a probability of .003."""
    rng = np.random.default_rng(10)
    covered = 0
    for _ in range(120):
        scale = share(*world(kind, patients, prevalence, rng, images)).scale
        covered += min(scale.p_above(truth), scale.p_below(truth)) > 0.025
    assert covered >= 107


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("honest", "pass"), ("reads brightness", "fail"), ("reads a tag", "fail"), ("half", "fail")],
)
def test_500_patients_decide(kind, verdict):
    rng = np.random.default_rng(11)
    verdicts = [share(*world(kind, 500, 0.3, rng)).compare("<", 0.25).verdict for _ in range(10)]
    assert verdicts.count(verdict) >= 9
