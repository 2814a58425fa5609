"""Needs of the controls against brute force: contrasts, strata, the instrument, backgrounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs.evidence import Stored, binormal, case, cell, table

from audit_suite import NotApplicable, OnlyROI, Verdict, WithoutROI, auroc
from audit_suite.datasets import Case
from audit_suite.evidence.context import lenders
from audit_suite.needs import (
    Need,
    background_gap,
    contrast,
    each_stratum,
    permuted_fails,
    planted,
    within,
)
from audit_suite.needs.strata import cut

SEEDS = st.integers(0, 2**32 - 1)
TWO_TARGETS = 'roi = ["lungs"]\n[targets.other]\ncolumn = "other"'
TAGS = 'metadata = ["site", "age"]'
HIDDEN = "without-lungs"


def concordance(labels, scores):
    """Pairs won, and pairs, of a sick and a well image each; ties count one half."""
    won = [
        (a > b) + (a == b) / 2
        for a, b in itertools.product(scores[labels == 1], scores[labels == 0])
    ]
    return sum(won), len(won)


def auc(labels, scores):
    won, pairs = concordance(labels, scores)
    return won / pairs


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


# Contrasts


def test_a_contrast_is_the_paired_difference_of_two_needs(here):
    labels, scores = binormal(0.8, 60)
    other = scores + np.random.default_rng(0).normal(size=len(scores)) * 0.3
    cases = [case(i, label) for i, label in enumerate(labels)]
    stored = Stored(cases, {HIDDEN: table(scores), f"{HIDDEN}-mean": table(other)})
    first, second = auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))
    found = contrast(first, second).estimate(here, stored)
    assert found.value == pytest.approx(auc(labels, scores) - auc(labels, other), abs=1e-6)
    apart = (first.estimate(here, stored).se ** 2 + second.estimate(here, stored).se ** 2) ** 0.5
    assert found.se < 0.7 * apart, "paired by patient"
    same = contrast(first, first).estimate(here, stored)
    assert (same.value, same.se) == (0, 0)


def test_a_contrast_asks_for_what_both_ask(here):
    one = contrast(auroc(), auroc(WithoutROI(fill="blur")))
    assert isinstance(one, Need)
    assert one.id == "full-vs-without-roi-blur"
    assert [r.masking.id for r in one.requests(here)] == ["full", f"{HIDDEN}-blur"]


# Strata


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
    assert found.label == "AUROC without ROI among equal site"


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
    with pytest.raises(NotApplicable, match="'sick' is what is told apart here"):
        within(WithoutROI(), "sick").requests(here)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["x"] * 40, "all images are alike in 'site'"),
        ([str(i % 2) for i in range(40)], "no two patients of each class are alike in 'site'"),
        ([str(i) for i in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"], "no two patients of each"),
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
    with pytest.raises(NotApplicable, match="no two patients"):
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


# The instrument


def read(cell, plain, marked, cases, where="outside"):
    """Evidence of the pattern's reader: what it says without and with the pattern."""

    def tables(request):
        assert request.model.name == "pattern-reader"
        assert request.model.input == cell.model.input
        return table(marked if request.masking.first == f"plant-{where}" else plain)

    return Stored(cases, tables)


def test_every_image_counts_with_the_pattern_and_without(here):
    rng = np.random.default_rng(4)
    plain, cases = rng.random(80), [case(i, i % 2, f"p{i // 2}") for i in range(80)]
    stored = read(here, plain, plain + 2, cases)
    found = planted("outside").estimate(here, stored)
    assert found.value == 1.0, "where it shows it is found"
    assert found.n_positives == found.n_patients == 40
    assert found.n_images == 160
    assert found.label == "AUROC without ROI of a pattern planted outside it"


def test_a_pattern_that_makes_no_difference_is_told_by_chance_alone(here):
    rng = np.random.default_rng(5)
    plain, cases = rng.random(200), [case(i, i % 2) for i in range(200)]
    found = planted("inside").estimate(here, read(here, plain, plain, cases, "inside"))
    assert found.interval(0.99)[0] < 0.5 < found.interval(0.99)[1]
    assert found.distance_to(0.5).compare("<", 0.05).verdict is Verdict.PASS


def test_what_is_planted_depends_on_neither_order_nor_label(here):
    rng = np.random.default_rng(6)
    plain, marked = rng.random((2, 60))
    cases = [case(i, i % 2) for i in range(60)]
    found = planted("outside").estimate(here, read(here, plain, marked, cases))
    order = rng.permutation(60)
    turned = [case(i, 1 - cases[i].labels["sick"]) for i in order]
    again = planted("outside").estimate(here, read(here, plain[order], marked[order], turned))
    assert again.value == pytest.approx(found.value)


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_the_reader_sees_images_without_the_region_as_the_model_would(here, where):
    first, second = planted(where).requests(here)
    assert first.masking.id == f"{HIDDEN}-plant-{where}"
    assert second.masking.id == HIDDEN
    assert {first.fold, second.fold} == {None}
    assert planted(where).id == f"planted-{where}"


def scored(here, scores, labels, patients=None, **more):
    who = [None] * len(labels) if patients is None else patients
    cases = [case(i, label, who[i]) for i, label in enumerate(labels)]
    return Stored(cases, {HIDDEN: table(scores), **{k: table(v) for k, v in more.items()}})


def test_permuted_labels_fail_by_chance_alone_whatever_the_model(here):
    """Even where the true labels are told perfectly."""
    labels = np.arange(120) % 2
    found = permuted_fails(here, scored(here, labels + 0.0, labels), [WithoutROI()], 0.05)
    assert 0 <= found.value <= 0.05
    assert found.n_images == 120
    again = permuted_fails(here, scored(here, labels + 0.0, labels), [WithoutROI()], 0.05)
    assert again.value == found.value


@pytest.mark.parametrize("images", [1, 4])
def test_without_a_margin_they_fail_at_the_level_of_the_test(here, images):
    """About one in twenty: also where a patient's images are all alike."""
    rng = np.random.default_rng(7)
    patients = np.repeat([f"p{i}" for i in range(150)], images)
    scores = np.repeat(rng.normal(size=150), images)
    labels = np.repeat(np.arange(150) % 2, images)
    stored = scored(here, scores, labels, patients)
    found = permuted_fails(here, stored, [WithoutROI()], 1e-9)
    assert 0.01 <= found.value <= 0.11


def test_all_fills_must_fail_before_a_permutation_does(here):
    rng = np.random.default_rng(8)
    labels = np.arange(150) % 2
    stored = scored(here, rng.normal(size=150), labels, **{f"{HIDDEN}-mean": rng.normal(size=150)})
    one = permuted_fails(here, stored, [WithoutROI()], 1e-9)
    both = permuted_fails(here, stored, [WithoutROI(), WithoutROI(fill="mean")], 1e-9)
    assert both.value < one.value


# Areas off the region


@pytest.mark.parametrize(
    ("share", "applies"), [(0.2, True), (0.44, True), (0.47, False), (0.62, False), (0.85, False)]
)
def test_where_no_area_of_its_size_lies_off_the_region_none_is_asked_for(here, share, applies):
    """Lung boxes fill a median 62 % of the image: all that is off them is no equal of theirs."""
    labels, scores = binormal(0.8, 40)
    cases = [case(i, label) for i, label in enumerate(labels)]
    off = min(share, 1 - share)
    tables = {HIDDEN: table(scores, share), f"{HIDDEN}-elsewhere": table(scores, off)}
    stored, need = Stored(cases, tables), auroc(WithoutROI(whose="elsewhere"))
    if applies:
        assert need.estimate(here, stored).value > 0.7
    else:
        with pytest.raises(NotApplicable, match=f"fills a median {share:.0%} of the image"):
            need.estimate(here, stored)


# Backgrounds


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
