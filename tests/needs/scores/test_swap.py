"""The gap between backgrounds of the own class and random ones (R13), against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, auc, case, cell, table

from audit_suite import NotApplicable, OnlyROI, Verdict, background_gap
from audit_suite.evidence.scores.donors import lenders


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def swapped(seed, count=120, background=0.0, disease=1.0):
    """Scores before swapped backgrounds: the image's disease, and what its donor's shows."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 2)
    cases = [case(i, label) for i, label in enumerate(labels)]
    stored = Stored(cases, {}, digest=f"swapped {seed}")
    lent = np.array(lenders(stored, stored.profile.seed, np.ones(count, bool)))
    shown = background(rng, labels)[lent] if callable(background) else background * labels[lent]
    scores = disease * labels + shown + rng.normal(size=count)
    stored.tables = {"only-lungs-swap": table(scores, 0.7)}
    return stored, labels, scores, lent


def test_the_gap_is_own_class_minus_random_backgrounds(here):
    stored, labels, scores, lent = swapped(1)
    same = labels[lent] == labels
    found = background_gap().estimate(here, stored)
    expected = auc(labels[same], scores[same]) - auc(labels, scores)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert [r.masking for r in background_gap().requests(here)] == [OnlyROI("lungs", fill="swap")]


def test_backgrounds_that_tell_the_class_help(here):
    stored, *_ = swapped(2, 400, background=2.0)
    assert background_gap().estimate(here, stored).distance_to(0).compare("<", 0.05).verdict is (
        Verdict.FAIL
    )
    stored, *_ = swapped(2, 1600, background=0.0)
    assert background_gap().estimate(here, stored).distance_to(0).compare("<", 0.05).verdict is (
        Verdict.PASS
    )


def test_images_that_cannot_be_used_neither_lend_nor_count(here):
    stored, labels, scores, _ = swapped(3)
    used = np.arange(len(labels)) % 5 > 0
    stored.tables = {"only-lungs-swap": table(scores, 0.7, used=used)}
    lent = lenders(stored, stored.profile.seed, used)
    assert all(used[other] for other in lent)
    same = used & (labels[lent] == labels)
    found = background_gap().estimate(here, stored)
    expected = auc(labels[same], scores[same]) - auc(labels[used], scores[used])
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.n_images == used.sum()


def test_few_donors_do_not_pass_for_many_images(here):
    """A background that moves scores whatever the label is no gap: 64 of them decide nothing.

    By images alone the standard error was a third of the truth here, and one in six failed.
    """

    def brightness(rng, labels):
        return 2 * rng.normal(size=len(labels))

    gaps = [
        background_gap().estimate(here, swapped(seed, 1200, brightness, disease=2)[0])
        for seed in range(60)
    ]
    spread = np.std([gap.value for gap in gaps])
    assert np.mean([gap.se for gap in gaps]) == pytest.approx(spread, rel=0.3)
    assert sum(gap.interval()[0] <= 0 <= gap.interval()[1] for gap in gaps) >= 52
    verdicts = [gap.distance_to(0).compare("<", 0.05).verdict for gap in gaps]
    assert verdicts.count(Verdict.FAIL) <= 3
    assert {gap.n_patients for gap in gaps} == {1200}, "donors are no further patients"


def test_a_model_that_ignores_backgrounds_pays_nothing_for_the_few_donors(here):
    stored, labels, scores, lent = swapped(4, 1200, disease=2)
    found = background_gap().estimate(here, stored)
    same = labels[lent] == labels
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(200):
        chosen = rng.integers(0, 1200, 1200)
        kept = chosen[same[chosen]]
        drawn.append(fast(labels[kept], scores[kept]) - fast(labels[chosen], scores[chosen]))
    assert found.se == pytest.approx(np.std(drawn), rel=0.4)


def fast(labels, scores):
    """`auc` by ranks."""
    from scipy.stats import rankdata

    ranks, sick = rankdata(scores), labels == 1
    m = sick.sum()
    return (ranks[sick].sum() - m * (m + 1) / 2) / (m * (len(labels) - m))


def test_without_backgrounds_of_the_own_class_there_is_no_gap(here):
    stored, labels, _, _ = swapped(5, 60)
    stored.cases = tuple(case(i, label, "one") for i, label in enumerate(labels))
    with pytest.raises(NotApplicable, match="fewer than two patients of a class"):
        background_gap().estimate(here, stored)


def test_swaps_ask_nothing_where_the_region_fills_the_frame(here):
    stored, _, scores, _ = swapped(6)
    stored.tables = {"only-lungs-swap": table(scores, hidden=0.05)}
    with pytest.raises(NotApplicable, match="fills a median 95% of the image"):
        background_gap().estimate(here, stored)
