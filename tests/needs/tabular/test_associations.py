"""Image properties and tags (M3), against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table, with_arrays
from scipy.stats import spearmanr

from audit_suite import NotApplicable, Verdict, association, each_property, following
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.needs import Need
from audit_suite.statistics import estimate_auroc

COUNT = 120
TAGS = 'metadata = ["site", "age"]'


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def described(scores=None, site=None, age=None, used=None, seed=0, **properties):
    """Evidence on ``COUNT`` images of which every third patient has two; noise unless given."""
    rng = np.random.default_rng(seed)
    labels = np.arange(COUNT) % 2
    who = [f"p{i - 2 * (i % 6 >= 4)}" for i in range(COUNT)]
    values = rng.random((COUNT, len(PROPERTIES)))
    for name, given in properties.items():
        values[:, PROPERTIES.index(name)] = given
    site = [""] * COUNT if site is None else site
    age = [""] * COUNT if age is None else age
    cases = [case(i, labels[i], who[i], site=str(site[i]), age=str(age[i])) for i in range(COUNT)]
    plain = table(rng.random(COUNT) if scores is None else scores, 0.0, used)
    full = with_arrays(plain, properties=values.astype(np.float32))
    return Stored(cases, {"full": full}, digest=f"described {seed}")


LABELS = np.arange(COUNT) % 2
NOISE = np.random.default_rng(9).normal(size=(4, COUNT))


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_counts_as_if_it_were_a_score(here, name):
    values = LABELS + NOISE[0]
    stored = described(**{name: values})
    found = association(name).estimate(here, stored)
    expected = estimate_auroc(
        LABELS, values.astype(np.float32), stored.patients, stored.digest, "x"
    )
    assert (found.value, found.se) == (pytest.approx(expected.value), pytest.approx(expected.se))
    assert found.at["property"] == name
    assert found.at["p"] < 1e-4
    assert found.label == f"AUROC of {name} alone"
    others = [p for p in PROPERTIES if p != name]
    told = [association(p).estimate(here, stored).compare("<", 0.65).verdict for p in others]
    assert Verdict.FAIL not in told


@pytest.mark.parametrize("told", [0.0, 0.25, 0.35, 0.45, -0.4, 2.0])
def test_its_p_value_is_the_intervals(here, told):
    found = association("grain").estimate(here, described(grain=told * LABELS + NOISE[2]))
    low, high = found.interval(1 - found.at["p"])
    if found.value > 0.5:
        assert low == pytest.approx(0.5, abs=1e-6)
    else:
        assert high == pytest.approx(0.5, abs=1e-6)
    assert (found.at["p"] < 0.05) == (found.interval()[0] > 0.5 or found.interval()[1] < 0.5)


def test_a_numeric_tag_counts_where_it_is_known(here):
    ages = 50 + 10 * LABELS + 8 * NOISE[1]
    known = np.arange(COUNT) % 5 > 0
    texts = [f"{a:.1f}" if k else "" for a, k in zip(ages, known, strict=True)]
    stored = described(age=texts)
    found = association("age").estimate(here, stored)
    expected = estimate_auroc(
        LABELS[known], ages[known].round(1), stored.patients[known], stored.digest, "x"
    )
    assert found.value == pytest.approx(expected.value)
    assert found.n_images == known.sum()


def test_a_tag_of_words_counts_by_a_regression_on_unseen_patients(here):
    telling = association("site").estimate(here, described(site=["ab"[y] for y in LABELS]))
    assert telling.value > 0.95
    assert telling.n_images == COUNT
    rng = np.random.default_rng(10)
    chance = described(site=rng.choice(list("abcd"), COUNT), seed=1)
    assert association("site").estimate(here, chance).interval(0.99)[0] < 0.5
    mixed = ["1", "2", "north"] * (COUNT // 3)
    assert association("site").estimate(here, described(site=mixed, seed=2)).n_images == COUNT


@pytest.mark.parametrize("among", ["positive", "negative"])
def test_following_is_spearmans_correlation_in_one_class(here, among):
    scores = NOISE[0] + NOISE[1] + LABELS
    values = (NOISE[0] * 3).round()  # with ties
    stored = described(scores, brightness=values)
    chosen = np.equal(LABELS, among == "positive")
    found = following("brightness", among).estimate(here, stored)
    expected = spearmanr(scores[chosen], values[chosen]).statistic
    assert found.value == pytest.approx(expected, abs=1e-5)
    assert found.at == {"property": "brightness", "among": among}
    assert found.n_images == chosen.sum()
    assert found.n_patients == len(np.unique(stored.patients[chosen])), "clustered by patient"


def test_telling_the_label_alone_is_no_following(here):
    """Across classes score and property go together; within one they do not."""
    stored = described(4 * LABELS + NOISE[0], brightness=4 * LABELS + NOISE[2])
    assert spearmanr(4 * LABELS + NOISE[0], 4 * LABELS + NOISE[2]).statistic > 0.5
    for among in ("positive", "negative"):
        low, high = following("brightness", among).estimate(here, stored).interval(0.99)
        assert low < 0 < high


def test_following_a_tag_of_words_is_found_in_both_classes(here):
    """By the share of sick patients that goes with each word, ties and all."""
    rng = np.random.default_rng(11)
    site = rng.integers(0, 2, COUNT)
    labels = (site + (rng.random(COUNT) < 0.3)) % 2
    cases = [
        case(i, y, site="ew"[s], age="") for i, (y, s) in enumerate(zip(labels, site, strict=True))
    ]
    for sign in (1, -1):
        scores = sign * site + 0.2 * NOISE[3]
        stored = Stored(cases, {"full": table(scores, 0.0)}, digest="site")
        for among, side in (("positive", 1), ("negative", 0)):
            found = following("site", among).estimate(here, stored)
            expected = spearmanr(scores[labels == side], site[labels == side]).statistic
            assert found.value == pytest.approx(expected, abs=1e-5)


def test_words_that_are_alike_in_one_class_cannot_be_followed_there(here):
    site = np.where(LABELS == 1, "ward", np.array(["ward", "home"])[np.arange(COUNT) % 4 // 2])
    stored = described(site=site)
    with pytest.raises(NotApplicable, match="all positives have the same 'site'"):
        following("site", "positive").estimate(here, stored)
    assert following("site", "negative").estimate(here, stored).n_images == COUNT // 2


def test_a_score_that_tells_no_image_from_another_follows_nothing(here):
    stored = described(np.full(COUNT, 0.5), brightness=NOISE[0])
    assert following("brightness", "positive").estimate(here, stored).value == 0


@pytest.mark.parametrize(
    ("need", "more", "why"),
    [
        (association("grain"), {"grain": 0.5}, "all images have the same 'grain'"),
        (association("site"), {"site": ["x", ""] * (COUNT // 2)}, "the same 'site'"),
        (association("age"), {"age": ["7", "7.0"] * (COUNT // 2)}, "the same 'age'"),
        (association("age"), {}, "the same 'age'"),
        (following("grain", "positive"), {"grain": 0.5}, "all images have the same 'grain'"),
        (
            following("border", "positive"),
            {"border": 1 - LABELS * 0.5},
            "all positives have the same",
        ),
        (following("border", "negative"), {"border": LABELS}, "all negatives have the same"),
    ],
)
def test_what_is_alike_in_all_tells_nothing_and_says_so(here, need, more, why):
    with pytest.raises(NotApplicable, match=why):
        need.estimate(here, described(**more))


def test_images_that_cannot_be_used_have_no_properties(here):
    used = np.arange(COUNT) % 3 > 0
    values = np.where(used, LABELS + NOISE[0], np.nan)
    stored = described(scores=NOISE[1].copy(), used=used, brightness=values)
    found = association("brightness").estimate(here, stored)
    expected = estimate_auroc(
        LABELS[used], values[used].astype(np.float32), stored.patients[used], stored.digest, "x"
    )
    assert found.value == pytest.approx(expected.value)
    assert following("brightness", "positive").estimate(here, stored).n_images == (
        (used & (LABELS == 1)).sum()
    )


def test_each_property_and_declared_tag_is_a_case(tmp_path):
    needs = each_property().expand(cell(tmp_path, top=TAGS), ())
    assert [need.id for need in needs] == [*PROPERTIES, "site", "age"]
    assert all(isinstance(need, Need) for need in needs)
    assert [n.id for n in each_property().expand(cell(tmp_path), ())] == list(PROPERTIES)
    assert following("age", "positive").id != following("age", "negative").id


def test_properties_come_with_full_images(here):
    for need in (association("marks"), following("marks", "negative")):
        assert [r.masking.id for r in need.requests(here)] == ["full"]
