"""Needs that ask embeddings what masking moves (E1, E4) and what they tell besides (E2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs.evidence import Stored, case, cell, findings, table, with_arrays

from audit_suite import (
    Full,
    NotApplicable,
    OnlyROI,
    WithoutROI,
    auroc,
    domain,
    each_similarity,
    each_tag,
    probe,
    similarity,
)
from audit_suite.needs import Need
from audit_suite.needs.embeddings.distance import embedded
from audit_suite.needs.embeddings.probe import sides
from audit_suite.statistics import estimate_mean

HIDDEN, ELSEWHERE = "without-lungs", "without-lungs-elsewhere"
AWAY = WithoutROI(whose="elsewhere")
TAGS = 'metadata = ["site", "age"]'
COUNT = 60


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def cloud(seed, count=COUNT, width=5):
    return np.random.default_rng(seed).normal(size=(count, width)) + 0.5


def stored(patients=None, labels=None, share=0.3, used=None, tags=None, **under):
    """Evidence with an embedding a masking; every image is full as ``full``."""
    count = len(under["full"])
    who = [f"p{i // 2}" for i in range(count)] if patients is None else patients
    labels = np.arange(count) % 2 if labels is None else labels
    more = [{"site": "", "age": ""}] * count if tags is None else tags
    cases = [case(i, labels[i], str(who[i]), **more[i]) for i in range(count)]
    names = {"full": "full", "hidden": HIDDEN, "elsewhere": ELSEWHERE}
    return Stored(
        cases,
        {
            names[key]: with_arrays(
                table(np.linspace(0, 1, count), 0.0 if key == "full" else share, used),
                embeddings=np.asarray(values, np.float32),
            )
            for key, values in under.items()
        },
        digest=f"embedded {under['full'].sum()}",
    )


def cosine(a, b):
    """By hand, one pair of vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (
        sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
    )


# Similarity


@pytest.mark.parametrize("among", ["all", "positive", "negative"])
def test_similarity_is_the_mean_cosine_of_each_image_with_itself_masked(here, among):
    full, hidden = cloud(0), cloud(1)
    used = np.arange(COUNT) % 5 > 0
    source = stored(full=full, hidden=np.where(used[:, None], hidden, np.nan), used=used)
    chosen = (
        used & {"all": True, "positive": source.labels == 1, "negative": source.labels == 0}[among]
    )
    expected = [cosine(full[i], hidden[i]) for i in np.flatnonzero(chosen)]
    found = similarity(WithoutROI(), among).estimate(here, source)
    assert found.value == pytest.approx(np.mean(expected), abs=1e-6)
    by_hand = estimate_mean(expected, source.patients[chosen], source.digest, "x")
    assert found.se == pytest.approx(by_hand.se, rel=1e-4)
    assert (found.n_images, found.n_positives) == (chosen.sum(), None)
    assert found.at == {"masking": "without-roi", "among": among}
    assert found.label == "cosine similarity without ROI" + {"all": ""}.get(among, f", {among}s")


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.integers(0, 99))
def test_length_does_not_count_and_an_image_is_like_itself(tmp_path_factory, factor, seed):
    here = cell(tmp_path_factory.mktemp("d"), top=TAGS)
    full = cloud(seed)
    found = similarity(WithoutROI()).estimate(here, stored(full=full, hidden=factor * full))
    assert found.value == pytest.approx(1, abs=1e-5)


def test_an_embedding_of_nothing_is_like_no_other(here):
    source = stored(full=cloud(0), hidden=np.zeros((COUNT, 5)))
    assert similarity(WithoutROI()).estimate(here, source).value == 0


def test_own_region_and_an_area_elsewhere_are_paired_by_patient(here):
    """The interval of the difference is that of the mean of each image's difference."""
    rng = np.random.default_rng(2)
    full = cloud(2)
    moved = rng.normal(size=(COUNT, 1)) * cloud(3)  # alike in both: it cancels
    own, other = full + moved + 0.1 * cloud(4), full + moved + 0.1 * cloud(5)
    source = stored(full=full, hidden=own, elsewhere=other)
    mine, theirs = (similarity(m).estimate(here, source) for m in (WithoutROI(), AWAY))
    each = [
        cosine(f, a) - cosine(f, b)
        for f, a, b in zip(*(v.astype(np.float32) for v in (full, own, other)), strict=True)
    ]
    by_hand = estimate_mean(each, source.patients, source.digest, "x")
    gap = mine - theirs
    assert gap.value == pytest.approx(by_hand.value, abs=1e-5)
    assert gap.se == pytest.approx(by_hand.se, rel=1e-3)
    assert gap.se < 0.7 * (mine.se**2 + theirs.se**2) ** 0.5


def asked(id, here, source):
    """A shipped check's observations and why it drew no verdict."""
    ((_, finding, recorded),) = findings(id, here, source)
    assert finding.verdict == "not_applicable"
    return recorded.observations, finding.reason


def test_e1_reports_own_region_area_elsewhere_and_their_difference_by_class(here):
    source = stored(full=cloud(0), hidden=cloud(0) + cloud(1), elsewhere=cloud(0) + cloud(2))
    seen, why = asked("E1", here, source)
    assert why.startswith("reported only: below 0")
    places = [(e.at["masking"], e.at.get("against"), e.at["among"]) for e in seen]
    assert places == [
        (masking, against, among)
        for masking, against in (
            ("without-roi", None),
            ("without-roi-elsewhere", None),
            ("without-roi", "without-roi-elsewhere"),
        )
        for among in ("all", "positive", "negative")
    ]
    for own, other, gap in zip(seen[:3], seen[3:6], seen[6:], strict=True):
        assert gap.value == pytest.approx(own.value - other.value)


def test_e1_reports_the_plain_similarity_where_no_equal_area_lies_elsewhere(here):
    source = stored(full=cloud(0), hidden=cloud(1), elsewhere=cloud(2), share=0.6)
    seen, why = asked("E1", here, source)
    assert [e.at["among"] for e in seen] == ["all", "positive", "negative"]
    assert {e.at["masking"] for e in seen} == {"without-roi"}
    assert "the region fills a median 60% of the image" in why
    assert why.startswith("reported only: without an equal area elsewhere to compare with")


def test_the_area_elsewhere_is_planned_with_the_check_that_asks_for_it_later(here):
    need = similarity(WithoutROI(), beside=AWAY)
    assert isinstance(need, Need)
    assert [r.masking.id for r in need.requests(here)] == ["full", HIDDEN, ELSEWHERE]
    assert [r.masking.id for r in similarity(WithoutROI()).requests(here)] == ["full", HIDDEN]


def test_each_masking_that_hides_something_is_a_case(tmp_path):
    here = cell(tmp_path)
    needs = each_similarity().expand(here, (Full(), WithoutROI(), OnlyROI(shape="box")))
    assert [n.id for n in needs] == ["similarity-without-roi", "similarity-only-roi-box"]
    assert [n.id for n in each_similarity().expand(here, (Full(),))] == ["similarity-without-roi"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"share": 0.95}, "hiding or keeping it is not informative"),
        ({"labels": np.zeros(COUNT, int)}, "fewer than two patients have positive images"),
        ({"labels": (np.arange(COUNT) < 2).astype(int)}, "fewer than two patients have positive"),
    ],
)
def test_what_cannot_be_compared_says_why(here, more, why):
    source = stored(full=cloud(0), hidden=cloud(1), **more)
    with pytest.raises(NotApplicable, match=why):
        similarity(WithoutROI(), "positive").estimate(here, source)


@pytest.mark.parametrize("need", [similarity(WithoutROI()), probe("site"), domain(WithoutROI())])
def test_no_layer_no_embeddings(here, need):
    source = stored(full=cloud(0), hidden=cloud(1))
    source.tables = {k: with_arrays(t, embeddings=None) for k, t in source.tables.items()}
    with pytest.raises(NotApplicable, match="names no layer to take embeddings from"):
        need.estimate(here, source)


# Folds


def folded(tmp_path, average, fulls, hiddens, held_out=True):
    """A cell of two folds, and evidence in which each has an embedding of its own."""
    more = 'folds = ["a", "b"]\n'
    more += 'held_out = "fold"\n' if held_out else ""
    here = cell(tmp_path, model=more, folds=(0, 1), top='metadata = ["fold", "site"]')
    tags = [{"fold": str(i // 2 % 2), "site": "ab"[i // 4 % 2]} for i in range(COUNT)]
    source = stored(full=fulls[0], hidden=hiddens[0], tags=tags)
    one = source.tables

    def tables(request):
        values = fulls if request.masking.id == "full" else hiddens
        array = np.asarray(values[request.fold], np.float32)
        return with_arrays(one[request.masking.id], embeddings=array)

    source.tables = tables
    return replace(here, average=average), source


def test_folds_are_compared_each_in_its_own_space(tmp_path):
    fulls, hiddens = (cloud(0), cloud(1)), (cloud(2), cloud(3))
    by_fold = [
        np.array([cosine(f, h) for f, h in zip(full, hidden, strict=True)])
        for full, hidden in zip(fulls, hiddens, strict=True)
    ]
    here, source = folded(tmp_path, "scores", fulls, hiddens, held_out=False)
    found = similarity(WithoutROI()).estimate(here, source)
    assert found.value == pytest.approx(np.mean(by_fold), abs=1e-6)
    here, source = folded(tmp_path, "held-out", fulls, hiddens)
    unseen = np.arange(COUNT) // 2 % 2
    found = similarity(WithoutROI()).estimate(here, source)
    assert found.value == pytest.approx(
        np.where(unseen == 0, by_fold[0], by_fold[1]).mean(), abs=1e-6
    )
    assert [s.used.sum() for s in embedded(here, source, Full())] == [COUNT // 2] * 2


def test_folds_of_one_trunk_are_asked_once_about_all_images(tmp_path):
    here, source = folded(tmp_path, "held-out", (cloud(0),) * 2, (cloud(1),) * 2)
    (seen,) = embedded(here, source, Full(), WithoutROI())
    assert seen.used.all()
    assert domain(WithoutROI()).estimate(here, source).n_images == 2 * COUNT


def test_a_probe_of_held_out_folds_is_the_mean_over_images_each_never_saw(tmp_path):
    site = np.array([i // 4 % 2 for i in range(COUNT)])
    telling = np.column_stack([3 * site - 1.5, np.ones(COUNT)]) + 0.1 * cloud(5)[:, :2]
    fulls = (telling, np.roll(telling, 1, axis=1))
    here, source = folded(tmp_path, "held-out", fulls, fulls)
    with pytest.raises(NotApplicable, match="no value that 10 patients share"):
        probe("site").estimate(here, source)  # fifteen patients a fold
    with pytest.raises(NotApplicable, match="'fold' names the fold of an image"):
        probe("fold").requests(here)
    here, source = folded(tmp_path, "scores", fulls, fulls, held_out=False)
    found = probe("site").estimate(here, source)
    assert found.value == 1
    assert found.folds == (1.0, 1.0)


# Probes


def tagged(seed, count=240, site=None, label=None, embedding=None, ages=None):
    """Images of which every other patient has two, each with a site, an age and an embedding."""
    rng = np.random.default_rng(seed)
    who = [f"p{i - (i % 3 == 2)}" for i in range(count)]
    first = np.unique(who, return_inverse=True)[1]
    of_patient = rng.integers(0, 2, (2, count))
    label = of_patient[0][first] if label is None else label
    site = np.array(list("ew"))[of_patient[1][first]] if site is None else site
    ages = rng.integers(20, 90, count).astype(str) if ages is None else ages
    noise = rng.normal(size=(count, 8)) + rng.normal(size=(count, 8))[first]
    noise[:, 0] += 3 * label  # what an honest model has in its embedding
    if embedding is not None:
        noise[:, 1] += embedding
    tags = [{"site": str(s), "age": str(a)} for s, a in zip(site, ages, strict=True)]
    source = stored(full=noise, patients=who, labels=label, tags=tags)
    source.digest += f" {seed}"
    return source


def test_a_site_planted_in_the_embedding_is_told_and_the_finding_alone_is_not(here):
    rng = np.random.default_rng(0)
    site = rng.choice(list("ew"), 240)
    planted = tagged(1, site=site, embedding=3 * (site == "e"))
    found = probe("site").estimate(here, planted)
    assert found.interval()[0] > 0.8
    assert found.at == {"tag": "site", "p": pytest.approx(0, abs=1e-6)}
    assert found.n_positives is None
    assert found.label == "AUROC of predicting site from the embedding within classes of sick"
    honest = probe("site").estimate(here, tagged(2, site=site))
    assert honest.interval()[0] < 0.5 < honest.interval()[1]
    assert honest.at["p"] > 0.05


def test_on_null_data_intervals_hold_one_half(here):
    """Simulated 150 times a setting they do in 91 to 95 %, and lie above it in 2 to 3 %."""
    found = [probe("site").estimate(here, tagged(seed, 90)).interval() for seed in range(8)]
    assert sum(low < 0.5 < high for low, high in found) >= 7
    assert sum(low >= 0.5 for low, _ in found) <= 1


def test_a_site_that_has_more_of_the_finding_is_not_told_by_the_finding(here):
    """Across classes the embedding of an honest model tells such a site; among equals it does not."""
    rng = np.random.default_rng(4)
    label = rng.integers(0, 2, 600)
    site = np.where(rng.random(600) < 0.8, label, 1 - label)
    source = tagged(5, 600, site=np.array(list("ew"))[site], label=label)
    score = {"full": replace(table(source.tables["full"].embeddings[:, 0], 0.0))}
    by_site = Stored([case(i, s) for i, s in enumerate(site)], score)
    assert auroc().estimate(here, by_site).value > 0.75
    low, high = probe("site").estimate(here, source).interval()
    assert low < 0.5 < high


def test_an_age_is_told_above_its_median(here):
    ages = np.random.default_rng(6).integers(20, 90, 240)
    source = tagged(7, ages=ages.astype(str), embedding=(ages - 55) / 8)
    found = probe("age").estimate(here, source)
    assert found.interval()[0] > 0.8
    assert "age above its median" in found.label


def test_several_values_are_each_told_from_the_rest_and_averaged(here):
    site = np.random.default_rng(8).choice(list("abc"), 150)
    source = tagged(9, 150, site=site, embedding=4 * (site == "a"))
    found = probe("site").estimate(here, source)
    each = []
    for value in "abc":
        alone = np.where(site == value, "yes", "no")
        tags = [
            replace(c, metadata={"site": str(s), "age": ""})
            for c, s in zip(source.cases, alone, strict=True)
        ]
        each.append(probe("site").estimate(here, Stored(tags, source.tables, source.digest)).value)
    assert found.value == pytest.approx(np.mean(each))
    assert each[0] > 0.9 > each[1]
    assert found.bounds == (0.0, 1.0)
    assert found.interval()[1] <= 1


def test_a_tag_that_is_the_finding_is_not_told_among_equals(here):
    label = np.random.default_rng(10).integers(0, 2, 240)
    source = tagged(11, label=label, site=np.array(list("ew"))[label])
    with pytest.raises(NotApplicable, match="within a class of the finding too few"):
        probe("site").estimate(here, source)


def test_every_tag_is_a_case_and_no_tag_one_that_does_not_apply(tmp_path, here):
    assert [n.id for n in each_tag().expand(here, ())] == ["site", "age"]
    bare = cell(tmp_path, name="bare")
    (nothing,) = each_tag().expand(bare, ())
    with pytest.raises(NotApplicable, match="declares no metadata"):
        nothing.requests(bare)


PATIENTS = np.arange(60).astype(str)


def test_questions_of_a_tag():
    two = np.array(["f", "m", ""] * 20)
    what, (question,) = sides("sex", two, PATIENTS)
    assert what == "sex"
    assert set(zip(two, question, strict=True)) in (
        {("f", 1), ("m", 0), ("", -1)},
        {("f", 0), ("m", 1), ("", -1)},
    )
    what, questions = sides("view", ["pa"] * 30 + ["ap"] * 20 + ["rare"] * 10, PATIENTS)
    assert what == "view (each value against the rest)"
    assert [q.sum() for q in questions] == [30, 20, 10], "the most frequent first"
    _, questions = sides("view", ["pa"] * 30 + ["ap"] * 21 + ["rare"] * 9, PATIENTS)
    assert [q.sum() for q in questions] == [30, 21], "nine patients are too few"
    ages = [str(age) for age in range(59)] + [""]
    what, (question,) = sides("age", ages, PATIENTS)
    assert what == "age above its median"
    assert question.tolist() == [int(age > 29) for age in range(59)] + [-1]
    _, questions = sides("stage", list("123") * 20, PATIENTS)
    assert len(questions) == 3, "few numbers are values"


@pytest.mark.parametrize(
    "values",
    [
        [""] * 60,
        ["x"] * 60,
        ["x"] * 51 + ["y"] * 9,
        [f"id-{i}" for i in range(60)],
        ["0"] * 54 + list("123456"),
    ],
    ids=["unknown", "alike", "nine others", "one each", "nearly alike"],
)
def test_a_tag_that_too_few_share_is_no_question(values):
    with pytest.raises(NotApplicable, match="no value that 10 patients share and 10 others do not"):
        sides("tag", values, PATIENTS)


def test_patients_count_and_not_their_images():
    values = ["x"] * 30 + ["y"] * 30
    with pytest.raises(NotApplicable):
        sides("tag", values, np.repeat(np.arange(15), 4).astype(str))


def test_masking_is_told_by_what_it_changes_and_carries_no_tag(here):
    source = stored(full=cloud(0), hidden=cloud(0) + np.eye(5)[0] * 4)
    found = domain(WithoutROI()).estimate(here, source)
    assert found.interval()[0] > 0.7
    assert found.at == {
        "masking": "without-roi",
        "p": pytest.approx(0, abs=0.01),
        "classifier": "domain",
    }
