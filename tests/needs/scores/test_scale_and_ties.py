"""Scores are ranked on the finest numbers, and what is tied all the same is counted and refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs.evidence import Stored, auc, case, findings, table
from needs.evidence import cell as make_cell
from scipy.special import expit, logit
from scipy.stats import rankdata

from audit_suite import (
    Inconclusive,
    WithoutROI,
    auroc,
    background_gap,
    by_group,
    dilated,
    folded_auroc,
    permuted_fails,
    within,
)
from audit_suite.maskings import Full
from audit_suite.needs import answer_in
from audit_suite.needs.need import estimate_in
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores
from audit_suite.needs.scores.scale import mean_of_scores, probabilities_of
from audit_suite.needs.scores.ties import HEAVY, refuse_ties, tied_pairs
from audit_suite.verdict import Verdict

N = 200


@pytest.fixture
def here(tmp_path):
    def make(activation="sigmoid", lines="", **more):
        return make_cell(tmp_path, activation=activation, model=lines, **more)

    return make


def stored(labels, **tables):
    cases = [case(i, label, site="ab"[i % 2]) for i, label in enumerate(labels)]
    return Stored(cases, {name.replace("_", "-"): table(each) for name, each in tables.items()})


def images(labels, scores, strata=None):
    count = len(labels)
    used = np.ones(count, bool)
    names = np.arange(count).astype(str)
    labels, scores = np.asarray(labels), np.asarray(scores, float)
    return CellScores(labels, scores, names, "d", used, used, 1.0, strata=strata)


# The scale


@given(st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=5))
def test_folds_are_averaged_as_probabilities(folds):
    """Brute force where a probability is exact enough: the log odds of the mean probability."""
    folds = np.array(folds)
    found = mean_of_scores(_card(), folds)
    assert np.allclose(expit(found), expit(folds).mean(axis=0), rtol=1e-9)


def test_the_mean_of_folds_keeps_the_order_that_a_probability_near_one_loses():
    folds = np.stack([np.linspace(50, 60, 11), np.linspace(70, 80, 11)])
    assert len(np.unique(expit(folds).mean(axis=0))) == 1
    assert (np.diff(mean_of_scores(_card(), folds)) > 0).all()
    assert (np.diff(mean_of_scores(_card(), -folds)) < 0).all()


def test_numbers_of_its_own_are_averaged_as_they_are_and_one_fold_is_left_alone():
    folds = np.array([[1.0, np.nan, 3.0], [2.0, np.nan, 5.0]])
    assert mean_of_scores(_card("none"), folds)[[0, 2]].tolist() == [1.5, 4]
    for activation in ("none", "softmax"):
        card = _card(activation)
        assert np.array_equal(mean_of_scores(card, folds[:1]), folds[0], equal_nan=True)
    assert np.isnan(mean_of_scores(_card(), folds)[1])


def test_only_what_stands_for_probabilities_gives_them():
    scores = np.array([-2.0, 0, 3])
    assert np.allclose(probabilities_of(_card(), scores), expit(scores))
    assert probabilities_of(_card("none"), scores) is None


def _card(activation="sigmoid"):
    class Card:
        probabilities = False

    card = Card()
    card.activation = activation
    return card


def test_a_saturated_model_is_ranked_by_its_logits(here):
    """Two thirds of its probabilities are exactly 1 in float32; its AUROC is that of the logits."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    logits = rng.normal(30, 25, N) + 10 * labels
    evidence = stored(labels, full=logits)
    assert (expit(logits.astype(np.float32)) == 1).mean() > 0.6
    found = auroc().estimate(here(), evidence)
    assert found.value == pytest.approx(auc(labels, logits))
    assert found.value > auc(labels, expit(logits.astype(np.float32))) + 0.02
    assert found.at["ties"] == 0


def test_an_ensemble_is_ranked_by_the_log_odds_of_its_mean_probability(here):
    labels = np.arange(N) % 2
    folds = np.random.default_rng(1).normal(np.stack([labels + 1, labels + 4]), 3)
    evidence = stored(labels)
    evidence.tables = lambda request: table(folds[request.fold])
    cell = here(folds=(0, 1), average="scores")
    scores = cell_scores(cell, evidence, Full())
    mean = expit(folds).mean(axis=0)
    assert np.array_equal(rankdata(scores.scores), rankdata(mean))
    assert np.allclose(scores.probabilities, mean)
    assert estimate_in(auroc(), cell, evidence).value == pytest.approx(auc(labels, mean))


def test_a_subset_keeps_its_own_probabilities(here):
    scores = cell_scores(here(), stored(np.arange(N) % 2, full=np.linspace(-3, 3, N)), Full())
    few = scores.where(scores.labels == 1)
    assert np.allclose(few.probabilities, expit(few.scores))


# Ties


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=12
    )
)
def test_tied_pairs_are_counted_within_strata(rows):
    labels, scores, strata = (np.array(column) for column in zip(*rows, strict=True))
    pairs = [
        (i, j)
        for i, j in itertools.product(range(len(rows)), repeat=2)
        if labels[i] == 1 and labels[j] == 0 and strata[i] == strata[j]
    ]
    tied = sum(scores[i] == scores[j] for i, j in pairs)
    found = tied_pairs(images(labels, scores, strata))
    assert found == pytest.approx(tied / len(pairs) if pairs else 0)


def of_share(share):
    """Probabilities of which so many pairs are tied: at 1, and the rest all differ."""
    labels = np.arange(N) % 2
    scores = np.linspace(0.01, 0.99, N)
    scores[: round(N * share**0.5 / 2) * 2] = 1
    return labels, scores


@pytest.mark.parametrize(("share", "refused"), [(0.08, False), (0.12, True), (0.5, True)])
def test_heavy_ties_on_whole_images_end_a_check_undecided(here, share, refused):
    labels, scores = of_share(share)
    cell = here("none", "probabilities = true")
    evidence = stored(labels, full=scores)
    if not refused:
        found = auroc().estimate(cell, evidence)
        assert found.at["ties"] == pytest.approx(tied_pairs(images(labels, scores)), abs=1e-6)
        assert 0.06 < found.at["ties"] < HEAVY
        return
    with pytest.raises(Inconclusive, match=r"of the pairs .* same score on whole images") as caught:
        auroc().estimate(cell, evidence)
    assert "before its sigmoid or softmax" in str(caught.value)
    ((_, finding, _),) = findings("R1", cell, evidence)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason == str(caught.value)


def test_outputs_cut_at_a_threshold_are_told_apart_from_a_sigmoid(here):
    labels = np.arange(N) % 2
    decisions = np.where(np.arange(N) % 10 < 8, labels, 1 - labels) * 6.0 - 3
    with pytest.raises(Inconclusive, match="before its outputs are rounded or cut"):
        auroc().estimate(here(), stored(labels, full=decisions))


@pytest.mark.parametrize(
    ("activation", "lines", "value", "refused"),
    [
        ("sigmoid", "", -1.5, False),
        ("none", "", 0.0, False),
        ("none", "probabilities = true", 0.4, False),
        ("none", "probabilities = true", 1.0, True),
        ("none", "probabilities = true", 0.0, True),
    ],
)
def test_an_honest_model_may_give_one_score_to_all_masked_images(
    here, activation, lines, value, refused
):
    """What it reads is hidden. Only where its sigmoid is saturated may an order be lost."""
    labels = np.arange(N) % 2
    full = logit(np.linspace(0.1, 0.9, N)) if activation == "sigmoid" else np.linspace(0.1, 0.9, N)
    evidence = stored(labels, full=full, without_lungs=np.full(N, value))
    cell, need = here(activation, lines), auroc(WithoutROI())
    if refused:
        with pytest.raises(Inconclusive, match=r"100% of the pairs .* same score without ROI"):
            need.estimate(cell, evidence)
    else:
        found = need.estimate(cell, evidence)
        assert (found.value, found.at["ties"]) == (0.5, 1)


def test_every_ranking_refuses_what_is_tied(here):
    labels, scores = of_share(0.5)
    cell = here("none", "probabilities = true", top='metadata = ["site"]')
    shown = ("full", "without_lungs", "without_lungs_d1", "only_lungs_swap")
    evidence = stored(labels, **dict.fromkeys(shown, scores))
    for need in (
        dilated(WithoutROI(), 0),
        dilated(WithoutROI(), 16),
        within(Full(), "site"),
        folded_auroc(WithoutROI()),
        background_gap(),
        permuted_fails((WithoutROI(),), 0.05),
        by_group("auroc"),
        by_group("auroc", WithoutROI()),
    ):
        with pytest.raises(Inconclusive, match="same score"):
            answer_in(need, cell, evidence)


def test_a_masking_may_tie_as_many_as_the_limit(here):
    labels, scores = of_share(0.08)
    refuse_ties(here("none", "probabilities = true").model, images(labels, scores), WithoutROI())
