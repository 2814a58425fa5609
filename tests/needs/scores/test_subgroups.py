"""Groups of patients (F1, F2): who is in which, gaps by brute force, planted and clean models."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs.evidence import Stored, case, cell, concordance, findings, table

from audit_suite import NotApplicable, Verdict, WithoutROI, by_group
from audit_suite.needs.scores.groups import FEWEST, sizes, split_by

TAGS = 'metadata = ["site", "sex"]'
POINT = '[operating_points.sick]\nprobability = 0.5\nsource = "test"\n'
BOXES = [WithoutROI(("lungs",), shape="box", fill=fill).id for fill in ("black", "mean", "blur")]
SHIFT = 2.0


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def world(count=1600, shifts=None, hidden=None, seed=0, sites=None):
    """Scores of patients at two sites; each site's classes lie ``shifts`` apart.

    With the box hidden they lie ``hidden`` apart, 0 where no site is named.
    """
    rng = np.random.default_rng(seed)
    where = np.array(["east", "west"])[rng.integers(0, 2, count)] if sites is None else sites
    sex = np.array(["F", "M"])[rng.integers(0, 2, count)]
    labels = rng.integers(0, 2, count)
    noise = rng.normal(size=count)
    apart = np.array([(shifts or {}).get(site, SHIFT) for site in where])
    left = np.array([(hidden or {}).get(site, 0.0) for site in where])
    cases = [
        case(i, y, site=str(s), sex=str(x))
        for i, (y, s, x) in enumerate(zip(labels, where, sex, strict=True))
    ]
    tables = {"full": table((labels - 0.5) * apart + noise)}
    for number, box in enumerate(BOXES):
        other = np.random.default_rng([seed, number]).normal(size=count)
        tables[box] = table((labels - 0.5) * left + (noise + other) / 2**0.5)
    return Stored(cases, tables)


def verdicts(check, cell, source):
    ((_, finding, recorded),) = findings(check, cell, source)
    return finding, recorded


def by_name(estimates):
    return {estimate.at["group"]: estimate for estimate in estimates}


def test_a_group_is_compared_with_the_others_each_within_itself(here):
    """By brute force, with three sites whose scores lie at different heights."""
    rng = np.random.default_rng(4)
    sites = np.array(["a", "b", "c"])[rng.integers(0, 3, 600)]
    stored = world(600, sites=sites)
    scores = stored.tables["full"].scores[:, 0] + 3.0 * (sites == "c")
    stored.tables["full"] = table(scores)
    gaps = by_name(by_group(gap=True).answer(here, stored))
    won, pairs = np.sum(
        [concordance(stored.labels[sites == s], scores[sites == s]) for s in ("b", "c")],
        axis=0,
    )
    own, own_pairs = concordance(stored.labels[sites == "a"], scores[sites == "a"])
    assert gaps["site: a"].value == pytest.approx(won / pairs - own / own_pairs, abs=1e-9)
    assert gaps["sex: F"].value == pytest.approx(-gaps["sex: M"].value)
    assert gaps["site: a"].at["statistic"] == "auroc gap"


def test_decisions_of_a_group_are_those_at_the_operating_point(tmp_path):
    here = cell(tmp_path, model=POINT, top=TAGS)
    stored = world(400)
    site = np.array([one.metadata["site"] for one in stored.cases])
    called = stored.tables["full"].scores[:, 0] >= 0
    for which, side in (("sensitivity", 1), ("specificity", 0)):
        found = by_name(by_group(which).answer(here, stored))["site: east"]
        chosen = (site == "east") & (stored.labels == side)
        assert found.value == pytest.approx((called[chosen] == side).mean())


def test_a_model_that_errs_at_one_site_fails_there_alone(here):
    found, _ = verdicts("F1", here, world(shifts={"east": 0.7}))
    failed = {c.estimate.at["group"] for c in found.comparisons if c.verdict is Verdict.FAIL}
    assert found.verdict is Verdict.FAIL
    assert failed == {"site: east"}
    assert found.role == "guard"


def test_an_even_model_passes_and_too_few_patients_leave_it_undecided(here):
    assert verdicts("F1", here, world(6000))[0].verdict is Verdict.PASS
    assert verdicts("F1", here, world(300))[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("small", "words"),
    [
        (20, "'site: north': "),
        (1, "all groups that are large enough pass"),
    ],
)
def test_a_small_group_is_undecided_and_never_a_pass(here, small, words):
    """Also where all others pass; one value of a single patient is not named."""
    rng = np.random.default_rng(0)
    sites = np.array(["east", "west"])[rng.integers(0, 2, 6000)]
    sites = np.where(np.arange(6000) < small, "north", sites)
    found, _ = verdicts("F1", here, world(6000, sites=sites))
    if small == 1:
        assert "north" not in str(found.model_dump())
        return
    assert found.verdict is Verdict.INCONCLUSIVE
    assert words in found.reason
    assert f"{FEWEST} of each are needed" in found.reason


def test_a_group_of_one_class_is_undecided(here):
    stored = world(6000)
    moved = []
    for number, one in enumerate(stored.cases):
        ward = one.labels["sick"] == 1 and number % 3 == 0
        tags = {**one.metadata, "site": "ward" if ward else "clinic"}
        moved.append(replace(one, metadata=tags))
    stored.cases = tuple(moved)
    found, _ = verdicts("F1", here, stored)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (
        "2 are not judged, such as 'site: clinic': the other groups of the tag have" in found.reason
    )
    undecided = [e.at["undecided"] for e in found.observations if "undecided" in e.at]
    assert any("and 0 without the finding" in words for words in undecided)


def test_decisions_that_one_site_gets_wrong_fail(tmp_path):
    here = cell(tmp_path, model=POINT, top=TAGS)
    found, _ = verdicts("F1-point", here, world(shifts={"west": 0.8}))
    failed = {c.estimate.at["group"] for c in found.comparisons if c.verdict is Verdict.FAIL}
    assert (found.verdict, failed) == (Verdict.FAIL, {"site: west"})
    assert verdicts("F1-point", here, world(6000))[0].verdict is Verdict.PASS


def test_without_an_operating_point_or_tags_nothing_is_asked(tmp_path):
    found, _ = verdicts("F1-point", cell(tmp_path, top=TAGS), world(100))
    assert found.verdict is Verdict.NOT_APPLICABLE
    assert "operating_points.sick" in found.reason
    bare = cell(tmp_path)
    found, _ = verdicts("F1", bare, Stored([case(i, i % 2) for i in range(80)], {}))
    assert "declares no metadata" in found.reason
    one = cell(tmp_path, top='metadata = ["site"]')
    assert "a single tag" in verdicts("F1-pairs", one, world(100))[0].reason


def test_a_shortcut_of_one_site_is_found_there(here):
    """Over all patients, as R8-box asks, it is below a quarter."""
    sites = np.random.default_rng(1).choice(["north", "east", "west"], 4000, p=[0.15, 0.4, 0.45])
    stored = world(4000, sites=sites, hidden={"north": 1.4})
    found, _ = verdicts("F2", here, stored)
    failed = {c.estimate.at["group"] for c in found.comparisons if c.verdict is Verdict.FAIL}
    assert (found.verdict, failed) == (Verdict.FAIL, {"site: north"})
    assert verdicts("R8-box", here, stored)[0].verdict is Verdict.PASS
    assert verdicts("F2", here, world(4000))[0].verdict is Verdict.PASS


def test_pairs_of_tags_find_what_no_single_tag_shows(here):
    stored = world(6000)
    tags = [(one.metadata["site"], one.metadata["sex"]) for one in stored.cases]
    odd = np.array([(site == "east") == (sex == "F") for site, sex in tags])
    scores = stored.tables["full"].scores[:, 0]
    stored.tables["full"] = table(np.where(odd, scores - (stored.labels - 0.5) * 1.4, scores))
    assert verdicts("F1", here, stored)[0].verdict is Verdict.PASS
    found, _ = verdicts("F1-pairs", here, stored)
    failed = {c.estimate.at["group"] for c in found.comparisons if c.verdict is Verdict.FAIL}
    assert failed == {"site: east, sex: F", "site: west, sex: M"}


def test_tags_of_folds_and_of_the_disease_are_no_groups(tmp_path):
    top = 'metadata = ["stage"]\nlegitimate = { stage = "the disease itself" }'
    with pytest.raises(NotApplicable, match="declares no metadata"):
        by_group().requests(cell(tmp_path, top=top))


@given(st.lists(st.sampled_from(["", "a", "b", "7", "x" * 40]), min_size=1, max_size=40))
def test_every_image_is_in_one_group_and_rare_values_are_not_named(values):
    cases = [case(i, i % 2, site=value) for i, value in enumerate(values)]
    split = split_by(cases, ("site",))
    assert len(split.codes) == len(values)
    for i, value in enumerate(values):
        name = split.names[split.codes[i]]
        known = values.count(value) >= 5 and len(value) <= 32
        assert name == f"site: {(value or 'unknown') if known else 'another value'}"
    labels = np.array([one.labels["sick"] for one in cases])
    patients = np.array([one.patient for one in cases])
    each = sizes(split, labels, patients, np.ones(len(cases), bool))
    assert sum(one.positives + one.negatives for one in each) == len(values)
    assert sum(one.patients for one in each) == len(values)


@given(st.lists(st.integers(0, 90), min_size=12, max_size=60))
def test_numbers_are_cut_into_thirds_in_their_order(ages):
    split = split_by([case(i, i % 2, age=str(age)) for i, age in enumerate(ages)], ("age",))
    if len(set(ages)) <= 6:
        return
    assert len(split.names) <= 3
    groups = [
        {age for age, code in zip(ages, split.codes, strict=True) if code == number}
        for number in range(len(split.names))
    ]
    groups = sorted(groups, key=min)
    for low, high in itertools.pairwise(groups):
        assert max(low) < min(high)
