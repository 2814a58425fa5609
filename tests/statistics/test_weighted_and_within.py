"""AUROCs by weighted pairs and within groups, and means over folds, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from audit_suite.errors import AuditError
from audit_suite.statistics import estimate_auroc, estimate_auroc_within, mean_of_folds

tables = st.integers(0, 10**6).map(np.random.default_rng)


def world(rng, n=40, images=1, ties=False, shift=0.7):
    """Labels, scores and patients; at least four patients a class."""
    truth = np.r_[[0, 1] * 4, rng.integers(0, 2, n - 8)]
    patients = np.repeat(np.arange(n), rng.integers(1, images + 1, n))
    labels = truth[patients]
    scores = shift * labels + rng.normal(size=n)[patients] + rng.normal(size=len(patients))
    return labels, np.round(scores) if ties else scores, patients


def weighted_pairs(labels, scores, weights):
    """The share of pairs won, a pair counting by the product of its weights."""
    won = total = 0.0
    for i in np.flatnonzero(labels == 1):
        for j in np.flatnonzero(labels == 0):
            pair = weights[i] * weights[j]
            won += pair * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
            total += pair
    return won / total


def same(one, other):
    """To the last digit."""
    return (
        one.value == other.value
        and one.se == other.se
        and one.df == other.df
        and one.interval() == other.interval()
        and one.n_images == other.n_images
        and one.n_patients == other.n_patients
        and one.n_positives == other.n_positives
        and one.fewest == other.fewest
    )


# --- weights ---


@settings(max_examples=40)
@given(tables, st.booleans())
def test_a_weighted_auroc_is_that_of_weighted_pairs(rng, ties):
    labels, scores, patients = world(rng, images=2, ties=ties)
    weights = rng.random(len(labels)) + 0.05
    found = estimate_auroc(labels, scores, patients, "d", weights=weights)
    assert found.value == pytest.approx(weighted_pairs(labels, scores, weights))
    assert found.value == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))


@settings(max_examples=40)
@given(tables, st.floats(0.01, 1))
def test_equal_weights_are_no_weights_to_the_last_digit(rng, weight):
    labels, scores, patients = world(rng, images=3)
    plain = estimate_auroc(labels, scores, patients, "d")
    assert same(
        estimate_auroc(labels, scores, patients, "d", weights=np.full(len(labels), weight)), plain
    )


@settings(max_examples=40)
@given(tables)
def test_a_weight_of_nothing_leaves_an_image_out(rng):
    labels, scores, patients = world(rng, images=3)
    weights = rng.random(len(labels)) + 0.05
    weights[rng.random(len(labels)) < 0.3] = 0
    weights[np.unique(patients, return_index=True)[1][:8]] = 1
    kept = weights > 0
    assert same(
        estimate_auroc(labels, scores, patients, "d", weights=weights),
        estimate_auroc(labels[kept], scores[kept], patients[kept], "d", weights=weights[kept]),
    )


def test_patients_of_no_weight_do_not_count_for_the_fewest_a_verdict_needs():
    labels = np.tile([0, 1], 100)
    weights = np.where(np.arange(200) < 12, 1.0, 0.0)
    found = estimate_auroc(labels, np.sin(np.arange(200)), range(200), "d", weights=weights)
    assert (found.fewest, found.n_positives, found.n_patients, found.n_images) == (6, 6, 12, 12)


@settings(max_examples=40)
@given(tables, st.integers(1, 6))
def test_only_the_ratio_of_weights_matters(rng, power):
    labels, scores, patients = world(rng)
    weights = rng.random(len(labels)) + 0.05
    assert same(
        estimate_auroc(labels, scores, patients, "d", weights=weights),
        estimate_auroc(labels, scores, patients, "d", weights=weights / 2**power),
    )


def test_a_whole_weight_is_a_number_of_copies():
    rng = np.random.default_rng(2)
    labels, scores, patients = world(rng, n=60)
    copies = rng.integers(1, 4, len(labels))
    weighted = estimate_auroc(labels, scores, patients, "d", weights=copies)
    copied = estimate_auroc(*(np.repeat(a, copies) for a in (labels, scores, patients)), "d")
    assert weighted.value == pytest.approx(copied.value)
    assert weighted.se == pytest.approx(copied.se), "copies of one patient are no more patients"


def test_the_weighted_interval_agrees_with_a_patient_bootstrap():
    rng = np.random.default_rng(7)
    n = 160
    labels = rng.integers(0, 2, n)
    scores = labels + rng.normal(size=n)
    weights = rng.random(n) ** 2
    found = estimate_auroc(labels, scores, range(n), "d", weights=weights)
    again = []
    for _ in range(800):
        drawn = rng.integers(0, n, n)
        again.append(roc_auc_score(labels[drawn], scores[drawn], sample_weight=weights[drawn]))
    assert found.se == pytest.approx(np.std(again), rel=0.12)
    assert found.se > 1.1 * estimate_auroc(labels, scores, range(n), "d").se


def test_restricted_to_shared_patients_the_weights_go_along():
    rng = np.random.default_rng(4)
    labels, scores, patients = world(rng, n=50)
    weights = rng.random(len(labels)) + 0.05
    whole = estimate_auroc(labels, scores, patients, "d", weights=weights)
    half = patients < 30
    part = estimate_auroc(labels[half], scores[half], patients[half], "d", weights=weights[half])
    again, _ = whole.restrict_to_shared(part)
    assert again.value == pytest.approx(part.value)
    assert again.se == pytest.approx(part.se)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, 1, -0.5], "weights"),
        ([1, 1, 1, np.nan], "weights"),
        ([1, 1, 1, np.inf], "weights"),
        ([1, 1, 1], "shape"),
        ([1, 0, 1, 0], "0 patients with"),
        ([0, 0, 0, 0], "0 patients with"),
    ],
)
def test_invalid_weights_are_an_error(weights, message):
    with pytest.raises(AuditError, match=message):
        estimate_auroc([0, 1, 0, 1], [1, 2, 3, 4], range(4), "d", weights=weights)


# --- within groups ---


def by_group(labels, scores, patients, groups):
    """Mean of scikit-learn's AUROC over groups, each counting by its pairs of patients."""
    areas, pairs = [], []
    for group in sorted(set(groups[groups >= 0])):
        chosen = groups == group
        sick = set(patients[chosen & (labels == 1)])
        well = set(patients[chosen & (labels == 0)])
        if min(len(sick), len(well)) >= 2:
            areas.append(roc_auc_score(labels[chosen], scores[chosen]))
            pairs.append(len(sick) * len(well))
    return np.average(areas, weights=pairs)


@settings(max_examples=40)
@given(tables, st.booleans())
def test_only_images_of_one_group_are_compared(rng, ties):
    labels, scores, patients = world(rng, n=60, images=2, ties=ties)
    groups = rng.integers(-1, 3, 60)[patients]
    groups[np.isin(patients, range(8))] = 0
    found = estimate_auroc_within(labels, [scores], patients, [groups], "d", "x")
    assert found.value == pytest.approx(by_group(labels, scores, patients, groups))
    shifted = scores + 100.0 * groups
    again = estimate_auroc_within(labels, [shifted], patients, [groups], "d", "x")
    assert again.value == pytest.approx(found.value), "groups may be on any scale"


@settings(max_examples=25)
@given(tables)
def test_with_folds_of_repeats_it_is_the_mean_over_repeats(rng):
    labels, scores, patients = world(rng, n=60)
    repeats = [scores, scores + rng.normal(size=len(scores)), -scores]
    folds = [rng.integers(0, 2, 60)[patients] for _ in repeats]
    found = estimate_auroc_within(labels, repeats, patients, folds, "d", "x")
    each = [by_group(labels, s, patients, f) for s, f in zip(repeats, folds, strict=True)]
    assert found.value == pytest.approx(np.mean(each))


@settings(max_examples=25)
@given(tables)
def test_one_group_is_the_plain_auroc(rng):
    labels, scores, patients = world(rng, images=3)
    plain = estimate_auroc(labels, scores, patients, "d")
    whole = np.zeros(len(labels), int)
    assert same(estimate_auroc_within(labels, [scores], patients, [whole], "d", "x"), plain)


def test_groups_are_independent_strata_of_the_variance():
    rng = np.random.default_rng(1)
    labels, scores, patients = world(rng, n=120)
    groups = (np.arange(120) % 3)[patients]
    found = estimate_auroc_within(labels, [scores], patients, [groups], "d", "x")
    parts, pairs = [], []
    for group in range(3):
        chosen = groups == group
        parts.append(estimate_auroc(labels[chosen], scores[chosen], patients[chosen], "d"))
        pairs.append(labels[chosen].sum() * (1 - labels[chosen]).sum())
    shares = np.array(pairs) / sum(pairs)
    expected = sum(share**2 * part.se**2 for share, part in zip(shares, parts, strict=True))
    assert found.se**2 == pytest.approx(expected)
    assert (found.n_patients, found.n_images, found.bounds) == (120, 120, (0.0, 1.0))


def test_what_is_in_no_group_and_groups_too_small_are_left_out_and_not_counted():
    labels = np.tile([0, 1], 20)
    scores, patients = np.sin(np.arange(40.0)), np.arange(40)
    groups = np.r_[np.zeros(20, int), np.full(17, -1), [1, 1, 1]]  # two sick, one well
    found = estimate_auroc_within(labels, [scores], patients, [groups], "d", "x")
    alone = estimate_auroc(labels[:20], scores[:20], patients[:20], "d")
    assert same(found, alone)
    assert found.fewest == 10


def test_a_repeat_without_a_usable_fold_takes_nothing_from_the_mean():
    labels = np.tile([0, 1], 20)
    scores, patients = labels + np.sin(np.arange(40.0)), np.arange(40)
    whole, none = np.zeros(40, int), np.arange(40) // 2
    found = estimate_auroc_within(labels, [scores] * 2, patients, [whole, none], "d", "x")
    assert same(found, estimate_auroc(labels, scores, patients, "d"))


def test_no_usable_group_at_all_is_an_error():
    labels, patients = np.tile([0, 1], 10), np.arange(20)
    with pytest.raises(AuditError, match="x: no group holds two patients with and two without"):
        estimate_auroc_within(labels, [patients * 1.0], patients, [patients // 2], "d", "x")


@settings(max_examples=25)
@given(tables)
def test_perfect_groups_have_an_interval(rng):
    labels = np.tile([0, 1], 30)
    groups = np.repeat(np.arange(3), 20)
    scores = labels + 0.1 * rng.random(60)
    found = estimate_auroc_within(labels, [scores], range(60), [groups], "d", "x")
    low, high = found.interval()
    assert found.value == pytest.approx(1)
    assert high == 1
    assert 0.5 < low < 0.995


# --- the mean over a model's folds ---


@settings(max_examples=25)
@given(tables, st.integers(2, 5))
def test_identical_folds_are_no_more_evidence_than_one(rng, count):
    labels, scores, patients = world(rng, images=2)
    one = estimate_auroc(labels, scores, patients, "d")
    mean = mean_of_folds([one] * count)
    assert mean.value == pytest.approx(one.value)
    assert mean.se == pytest.approx(one.se)
    assert mean.interval() == pytest.approx(one.interval())
    assert mean.folds == (one.value,) * count
    assert (mean.n_patients, mean.n_positives, mean.fewest, mean.n_images) == (
        one.n_patients,
        one.n_positives,
        one.fewest,
        one.n_images,
    )


@settings(max_examples=25)
@given(tables)
def test_folds_are_paired_patient_by_patient(rng):
    labels, scores, patients = world(rng, n=80)
    other = 0.5 * scores + rng.normal(size=len(scores))
    a, b = (estimate_auroc(labels, s, patients, "d", "AUROC") for s in (scores, other))
    mean = mean_of_folds([a.placed(masking="full"), b])
    assert mean.value == pytest.approx((a.value + b.value) / 2)
    influence = a.influence.values + b.influence.values
    if min(a.value, b.value) > 0.1 and max(a.value, b.value) < 0.9:  # no variance at the boundary
        assert mean.se == pytest.approx(np.sum(influence**2) ** 0.5 / 2)
    assert mean.folds == (a.value, b.value)
    assert (mean.label, mean.at, mean.bounds) == ("AUROC", {"masking": "full"}, (0.0, 1.0))


def test_a_difference_of_means_keeps_folds_and_pairing():
    rng = np.random.default_rng(9)
    labels, scores, patients = world(rng, n=80)
    full = [estimate_auroc(labels, scores + rng.normal(size=80), patients, "d") for _ in range(3)]
    masked = [estimate_auroc(labels, rng.normal(size=80), patients, "d") for _ in range(3)]
    gap = mean_of_folds(full) - mean_of_folds(masked)
    assert gap.folds == pytest.approx(
        [a.value - b.value for a, b in zip(full, masked, strict=True)]
    )
    nothing = mean_of_folds(full) - mean_of_folds(full)
    assert (nothing.value, nothing.se) == (0, 0)


def test_a_single_fold_is_itself():
    one = estimate_auroc([0, 1] * 10, range(20), range(20), "d")
    assert mean_of_folds([one]) is one
    assert one.folds == ()
