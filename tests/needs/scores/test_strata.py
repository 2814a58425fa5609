"""AUROC among equals (C10) against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs.evidence import Stored, case, cell, concordance, table

from audit_suite import NotApplicable, Verdict, WithoutROI, auroc, each_stratum, within
from audit_suite.datasets import Case
from audit_suite.needs.scores.strata import cut

SEEDS = st.integers(0, 2**32 - 1)
TWO_TARGETS = 'roi = ["lungs"]\n[targets.other]\ncolumn = "other"'
TAGS = 'metadata = ["site", "age"]'
HIDDEN = "without-lungs"


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def stratified(seed, count=90, patients=None):
    """Scores and labels that both go with a site; one site in four is unknown."""
    rng = np.random.default_rng(seed)
    sites = rng.integers(0, 4, count)
    labels = (rng.random(count) < 0.2 + 0.2 * sites).astype(int)
    scores = (sites + labels + rng.normal(size=count)).round(1)
    names = np.array(["", "east", "west", "north"])[sites]
    who = [None] * count if patients is None else patients
    cases = [
        case(i, labels[i], who[i], site=str(names[i]), age=str(20 + i % 50)) for i in range(count)
    ]
    return Stored(cases, {HIDDEN: table(scores)}), labels, scores, names


@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_only_pairs_of_one_stratum_are_compared(tmp_path_factory, seed):
    """By brute force: images whose tag is unknown are a stratum of their own."""
    stored, labels, scores, names = stratified(seed)
    found = within(WithoutROI(), "site").estimate(
        cell(tmp_path_factory.mktemp("d"), top=TAGS), stored
    )
    total = [
        concordance(labels[names == name], scores[names == name])
        for name in np.unique(names)
        if min(np.bincount(labels[names == name], minlength=2)) >= 2
    ]
    won, pairs = np.sum(total, axis=0)
    assert found.value == pytest.approx(won / pairs, abs=1e-6)
    assert found.at == {"masking": "without-roi", "stratum": "site", "kind": "tag"}
    assert found.label == "AUROC without ROI within strata of site"


def test_strata_are_independent_samples(here):
    """The variance of their weighted mean, where no patient is in two of them."""
    stored, labels, _, names = stratified(3, 160)
    parts, weights = [], []
    for name in np.unique(names):
        chosen = names == name
        few = Stored(
            [c for c, kept in zip(stored.cases, chosen, strict=True) if kept],
            {HIDDEN: table(stored.tables[HIDDEN].scores[chosen, 0])},
        )
        parts.append(auroc(WithoutROI()).estimate(here, few))
        weights.append(np.prod(np.bincount(labels[chosen])))
    shares = np.array(weights) / sum(weights)
    found = within(WithoutROI(), "site").estimate(here, stored)
    assert found.se == pytest.approx(
        sum((s * p.se) ** 2 for s, p in zip(shares, parts, strict=True)) ** 0.5
    )


def test_what_goes_with_the_stratum_alone_tells_nothing_within(here):
    rng = np.random.default_rng(1)
    sites = rng.integers(0, 2, 1200)
    labels = (rng.random(1200) < np.where(sites, 0.8, 0.2)).astype(int)
    cases = [
        case(i, y, site="ab"[s], age="") for i, (y, s) in enumerate(zip(labels, sites, strict=True))
    ]
    stored = Stored(cases, {HIDDEN: table(3 * sites + rng.normal(size=1200))})
    assert auroc(WithoutROI()).estimate(here, stored).value > 0.75
    found = within(WithoutROI(), "site").estimate(here, stored)
    assert found.interval()[0] < 0.5 < found.interval()[1]
    assert found.compare("<", 0.56).verdict is Verdict.PASS


def test_another_target_is_a_stratum_and_the_target_itself_is_none(tmp_path):
    here = cell(tmp_path, roi=TWO_TARGETS)
    rng = np.random.default_rng(2)
    other = rng.integers(0, 2, 200)
    labels = rng.integers(0, 2, 200)
    scores = labels + 2 * other + rng.normal(size=200)
    cases = [
        Case(f"i{i}", f"p{i}", {"sick": int(a), "other": int(b)}, {}, i + 2)
        for i, (a, b) in enumerate(zip(labels, other, strict=True))
    ]
    stored = Stored(cases, {HIDDEN: table(scores)})
    found = within(WithoutROI(), "other").estimate(here, stored)
    parts = [concordance(labels[other == k], scores[other == k]) for k in (0, 1)]
    won, pairs = np.sum(parts, axis=0)
    assert found.value == pytest.approx(won / pairs, abs=1e-6)
    assert found.at["kind"] == "target"
    with pytest.raises(NotApplicable, match="'sick' is the target itself"):
        within(WithoutROI(), "sick").requests(here)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["x"] * 40, "all images have the same 'site'"),
        (
            [str(i % 2) for i in range(40)],
            "no value of 'site' is shared by two patients of each class",
        ),
        (
            [str(i) for i in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"],
            "is shared by two patients of each",
        ),
    ],
)
def test_where_equals_cannot_be_compared_it_is_said(here, values, why):
    cases = [case(i, i % 2, site=value, age="") for i, value in enumerate(values)]
    stored = Stored(cases, {HIDDEN: table(np.arange(40))})
    with pytest.raises(NotApplicable, match=why):
        within(WithoutROI(), "site").estimate(here, stored)


def test_two_images_of_one_patient_are_no_comparison(here):
    cases = [
        case(i, i % 2, f"{i % 2}{'ab'[i // 20]}", site="ab"[i // 20], age="") for i in range(40)
    ]
    stored = Stored(cases, {HIDDEN: table(np.arange(40))})
    with pytest.raises(NotApplicable, match="is shared by two patients"):
        within(WithoutROI(), "site").estimate(here, stored)


def test_images_that_cannot_be_used_are_in_no_stratum(here):
    stored, _, scores, _ = stratified(5)
    used = np.arange(90) % 7 > 0
    part = Stored(
        [c for c, kept in zip(stored.cases, used, strict=True) if kept],
        {HIDDEN: table(scores[used])},
    )
    stored.tables = {HIDDEN: table(scores, used=used)}
    found, expected = (within(WithoutROI(), "site").estimate(here, s) for s in (stored, part))
    assert found.value == expected.value
    assert found.n_images == expected.n_images


@pytest.mark.parametrize(
    ("top", "roi", "ids"),
    [
        ("", 'roi = ["lungs"]', ["nothing-without-roi"]),
        (TAGS, 'roi = ["lungs"]', ["site-without-roi", "age-without-roi"]),
        ("", TWO_TARGETS, ["sick-without-roi", "other-without-roi"]),
    ],
)
def test_every_tag_and_other_target_is_a_case(tmp_path, top, roi, ids):
    needs = each_stratum(WithoutROI()).expand(cell(tmp_path, top=top, roi=roi), ())
    assert [need.id for need in needs] == ids
    if not top and roi != TWO_TARGETS:
        with pytest.raises(NotApplicable, match="declares no metadata and no other target"):
            needs[0].requests(cell(tmp_path))


@given(st.lists(st.sampled_from(["", "a", "b", "7", "7.0", "nan"]), min_size=1, max_size=30))
def test_few_values_are_a_stratum_each(values):
    strata = cut(values)
    assert len(strata) == len(values)
    for a, b in itertools.combinations(range(len(values)), 2):
        assert (strata[a] == strata[b]) == (values[a] == values[b])


@given(st.lists(st.one_of(st.none(), st.integers(-500, 500)), min_size=1, max_size=80), SEEDS)
def test_many_numbers_are_cut_into_bands_that_keep_their_order(numbers, seed):
    strata = cut(["" if n is None else str(n) for n in numbers])
    known = [(n, s) for n, s in zip(numbers, strata.tolist(), strict=True) if n is not None]
    unknown = {s for n, s in zip(numbers, strata.tolist(), strict=True) if n is None}
    assert not unknown & {s for _, s in known}
    assert len(unknown) <= 1
    if len({n for n, _ in known}) > 6:
        assert len({s for _, s in known}) <= 5
        ordered = [s for _, s in sorted(known)]
        assert ordered == sorted(ordered)
    order = np.random.default_rng(seed).permutation(len(numbers))
    turned = cut(["" if numbers[i] is None else str(numbers[i]) for i in order])
    assert np.array_equal(turned, strata[order])


def test_bands_are_fifths():
    strata = cut([str(n) for n in np.random.default_rng(0).permutation(1000)])
    assert np.array_equal(np.bincount(strata), [200] * 5)
