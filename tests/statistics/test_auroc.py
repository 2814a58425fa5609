"""AUROC and its variance: against scikit-learn, brute force, DeLong 1988, and a bootstrap."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from audit_suite.errors import AuditError
from audit_suite.statistics import estimate_auroc
from audit_suite.statistics.influence import patients_for_verdict
from audit_suite.verdict import Inconclusive

SICK, WELL = [0.9, 0.8, 0.6, 0.55], [0.7, 0.5, 0.5, 0.3, 0.1]


def brute_force(labels, scores):
    """The Mann-Whitney statistic by all pairs, and DeLong's variance by its definition."""
    x, y = scores[labels == 1], scores[labels == 0]
    wins = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    auc = wins.mean()
    s10 = ((wins.mean(1) - auc) ** 2).sum() / (len(x) - 1)
    s01 = ((wins.mean(0) - auc) ** 2).sum() / (len(y) - 1)
    return auc, s10 / len(x) + s01 / len(y)


def obuchowski(labels, scores, patients):
    """Clustered variance by Obuchowski 1997, equation by equation, with loops."""
    x, y = scores[labels == 1], scores[labels == 0]
    wins = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    auc = wins.mean()
    v10, v01 = wins.mean(1), wins.mean(0)
    px, py = patients[labels == 1], patients[labels == 0]
    both = sorted(set(px) | set(py))
    ix, iy = len(set(px)), len(set(py))
    s10 = s01 = s11 = 0.0
    for patient in both:
        a, b = (v10[px == patient] - auc).sum(), (v01[py == patient] - auc).sum()
        s10, s01, s11 = s10 + a * a, s01 + b * b, s11 + a * b
    m, n = len(x), len(y)
    s10 *= ix / ((ix - 1) * m)
    s01 *= iy / ((iy - 1) * n)
    cross = (ix / (ix - 1)) ** 0.5 * (iy / (iy - 1)) ** 0.5 * s11
    return s10 / m + s01 / n + 2 * cross / (m * n)


tables = st.integers(0, 10**6).map(np.random.default_rng)


@given(tables, st.booleans())
@example(np.random.default_rng(80127), True)  # five against seven, and hardly any variance
def test_auc_and_variance_by_brute_force(rng, ties):
    n = int(rng.integers(8, 60))
    labels = np.r_[1, 1, 0, 0, rng.integers(0, 2, n)]
    scores = rng.normal(size=len(labels)) + labels
    scores = np.round(scores) if ties else scores
    found = estimate_auroc(labels, scores, np.arange(len(labels)), "d")
    auc, variance = brute_force(labels, scores)
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
    assert found.value == pytest.approx(auc)
    if 0.1 < auc < 0.9:
        m, n = labels.sum(), (labels == 0).sum()
        edge = 1 / (2 * min(m, n) + 2)
        half_a_case_of_each = edge * (1 - edge) * (1 / m + 1 / n) / 4
        assert found.se**2 == pytest.approx(max(variance, half_a_case_of_each))


def test_small_table_by_hand():
    # 20 pairs, one lost for 0.6 and one for 0.55 (against 0.7): AUC 18/20.
    # S10: components 1, 1, .8, .8 about .9: 4 x .01 / 3; S01: .5, 1, 1, 1, 1 about .9: .2 / 4.
    found = estimate_auroc([1] * 4 + [0] * 5, SICK + WELL, range(9), "d")
    assert found.value == pytest.approx(0.9)
    floor_free = 0.04 / 3 / 4 + 0.2 / 4 / 5
    _auc, variance = brute_force(np.r_[[1] * 4, [0] * 5], np.r_[SICK, WELL])
    assert variance == pytest.approx(floor_free)
    assert found.se**2 >= variance * (1 - 1e-12)


def test_paired_difference_is_delongs():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 120)
    a = labels + rng.normal(size=120)
    b = 0.5 * a + 0.3 * labels + rng.normal(size=120)
    x, y = labels == 1, labels == 0

    def parts(scores):
        wins = (scores[x][:, None] > scores[y][None]) + 0.5 * (scores[x][:, None] == scores[y])
        return wins.mean(), wins.mean(1), wins.mean(0)

    (auc_a, a10, a01), (auc_b, b10, b01) = parts(a), parts(b)
    s10, s01 = np.cov(np.stack([a10, b10])), np.cov(np.stack([a01, b01]))
    total = s10 / x.sum() + s01 / y.sum()
    expected = total[0, 0] + total[1, 1] - 2 * total[0, 1]
    patients = np.arange(120)
    gap = estimate_auroc(labels, a, patients, "d") - estimate_auroc(labels, b, patients, "d")
    assert gap.value == pytest.approx(auc_a - auc_b)
    assert gap.se**2 == pytest.approx(expected)


@given(tables)
def test_clustered_variance_is_obuchowskis(rng):
    patients = np.repeat(np.arange(30), rng.integers(1, 5, 30))
    labels = rng.integers(0, 2, len(patients))
    labels[:6] = [0, 1, 0, 1, 0, 1]
    scores = labels + rng.normal(size=30)[patients] + rng.normal(size=len(patients))
    found = estimate_auroc(labels, scores, patients, "d")
    if 0.1 < found.value < 0.9:
        assert found.se**2 == pytest.approx(obuchowski(labels, scores, patients))


def test_clustered_interval_agrees_with_a_patient_bootstrap():
    rng = np.random.default_rng(11)
    n = 150
    truth = rng.integers(0, 2, n)
    patients = np.repeat(np.arange(n), 4)
    labels = truth[patients]
    scores = 0.9 * labels + rng.normal(size=n)[patients] + 0.6 * rng.normal(size=4 * n)
    found = estimate_auroc(labels, scores, patients, "d")
    by_patient = np.arange(4 * n).reshape(n, 4)
    again = []
    for _ in range(600):
        drawn = by_patient[rng.integers(0, n, n)].ravel()
        again.append(roc_auc_score(labels[drawn], scores[drawn]))
    assert found.se == pytest.approx(np.std(again), rel=0.12)
    naive = estimate_auroc(labels, scores, np.arange(4 * n), "d")
    assert naive.se < 0.7 * found.se, "images taken for patients give a false precision"


@pytest.mark.parametrize("n", [10, 30, 200])
def test_a_perfect_auc_has_an_interval(n):
    found = estimate_auroc([0] * n + [1] * n, range(2 * n), range(2 * n), "d")
    low, high = found.interval()
    assert found.value == high == 1
    assert 0.5 < low < 1 - 0.2 / n
    worst = estimate_auroc([1] * n + [0] * n, range(2 * n), range(2 * n), "d")
    assert worst.interval()[0] == worst.value == 0
    assert worst.interval()[1] == pytest.approx(1 - low)


def test_perfect_intervals_cover():
    """True AUC .99 with 30 + 30 patients: a perfect sample must not exclude the truth too often."""
    rng = np.random.default_rng(5)
    shift = 2**0.5 * 2.3263  # Phi(shift / sqrt 2) = .99
    covered = []
    for _ in range(400):
        scores = np.r_[rng.normal(size=30), rng.normal(shift, size=30)]
        low, high = estimate_auroc([0] * 30 + [1] * 30, scores, range(60), "d").interval()
        covered.append(low <= 0.99 <= high)
    assert np.mean(covered) >= 0.93


def test_one_score_for_all_is_no_certainty():
    few = estimate_auroc([0, 1] * 30, [0.3] * 60, range(60), "d")
    many = estimate_auroc([0, 1] * 3000, [0.3] * 6000, range(6000), "d")
    assert few.value == many.value == 0.5
    assert few.interval()[0] < 0.47
    assert 0.49 < many.interval()[0] < 0.5


def test_identical_perfect_estimates_cancel_and_others_do_not():
    labels = [0] * 30 + [1] * 30
    a = estimate_auroc(labels, range(60), range(60), "d")
    b = estimate_auroc(labels, [*range(1, 60), 70], range(60), "d")
    assert (a - a).se == 0
    assert (a - b).se > 0


@settings(max_examples=25)
@given(tables)
def test_order_of_the_images_does_not_matter(rng):
    labels = np.r_[0, 0, 1, 1, rng.integers(0, 2, 30)]
    scores, patients = rng.normal(size=34).round(1), rng.integers(0, 20, 34)
    patients[:4] = [90, 91, 92, 93]
    order = rng.permutation(34)
    a = estimate_auroc(labels, scores, patients, "d")
    b = estimate_auroc(labels[order], scores[order], patients[order], "d")
    assert a.value == pytest.approx(b.value)
    assert a.se == pytest.approx(b.se)
    assert a.n_positives == len(set(patients[labels == 1]))


def test_hundred_thousand_images_are_quick_enough_to_try():
    rng = np.random.default_rng(0)
    found = estimate_auroc(
        rng.integers(0, 2, 100_000), rng.normal(size=100_000), np.arange(100_000) // 3, "d"
    )
    assert found.interval()[0] < 0.5 < found.interval()[1]


@pytest.mark.parametrize(
    ("labels", "scores", "patients", "message"),
    [
        ([1, 1, 1], [1, 2, 3], [1, 2, 3], "0 without the finding"),
        ([0, 0, 1], [1, 2, 3], [1, 2, 3], "1 patients with"),
        ([0, 1, 2], [1, 2, 3], [1, 2, 3], "neither 0 nor 1"),
        ([0, 1, 0, 1], [1, 2, np.nan, np.inf], [1, 2, 3, 4], "2 of 4 scores are not finite"),
        ([0, 1], [1, 2, 3], [1, 2, 3], "shapes"),
        ([], [], [], "0 patients with"),
    ],
)
def test_bad_input_is_an_error(labels, scores, patients, message):
    with pytest.raises(AuditError, match=message):
        estimate_auroc(labels, scores, patients, "d")


def test_one_patient_with_most_images_is_not_many_patients():
    """Kish's effective number: (sum of shares)^2 / sum of squares."""
    rng = np.random.default_rng(4)
    alone = np.r_[np.zeros(60, int), np.arange(1, 61), np.arange(100, 300)]
    labels = (np.arange(len(alone)) < 120).astype(int)
    scores = rng.normal(size=len(alone)) + 2 * labels
    crowded = estimate_auroc(labels, scores, alone, "d")
    assert crowded.fewest == int(120**2 / (60**2 + 60))
    with pytest.raises(Inconclusive, match="rests on 3 patients"):
        assert crowded > 0.6
    assert estimate_auroc(labels, scores, np.arange(len(alone)), "d").fewest == 120
    twice = estimate_auroc(labels, scores, np.arange(len(alone)) // 2, "d")
    assert twice.fewest == 60, "equal numbers of images make no difference"


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_patients_count_fully_unless_a_few_hold_most_images(sizes):
    patients = np.repeat(np.arange(len(sizes)), sizes).astype(str)
    found = patients_for_verdict(patients, np.ones(len(patients)))
    worth = Fraction(sum(sizes) ** 2, sum(size**2 for size in sizes))
    assert found == (len(sizes) if worth >= 15 else int(worth))
    assert patients_for_verdict(patients, np.full(len(patients), 0.25)) == found
