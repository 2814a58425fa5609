"""Drift of new cases against the audited ones (D1, D2), on made-up scores and properties."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from cards import dataset_card
from needs.evidence import Stored, case, cell, concordance, findings, table, with_arrays

from audit_suite import NotApplicable, Verdict, score_drift, score_drift_by
from audit_suite.datasets.acquisition import AREAS, EACH
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.needs.scores.two_sets import FEWEST, by_group, fresh_cases, two_sets
from audit_suite.needs.tabular.drift import PropertyDrift

TAGS = 'metadata = ["site"]\n'


class Side(SimpleNamespace):
    """One data set that a test made up."""

    @property
    def patients(self):
        return np.unique([one.patient for one in self.cases], return_inverse=True)[1]

    def labels_of(self, target):
        return np.full(len(self.cases), -1)


def side(card, digest, scores, sites, patients=None, looks=None, used=None):
    count = len(scores)
    names = [f"{digest}{i}" for i in range(count)] if patients is None else patients
    cases = tuple(case(i, 0, names[i], site=str(sites[i])) for i in range(count))
    properties = np.zeros((count, len(PROPERTIES) + len(AREAS) * EACH), np.float32)
    properties[:, : len(PROPERTIES)] = np.random.default_rng(len(digest)).normal(
        size=(count, len(PROPERTIES))
    )
    if looks is not None:
        properties += looks
    full = with_arrays(table(scores, 0.0, used=used), properties=properties)
    return Side(card=card, digest=digest, cases=cases, full=full)


class Two(Stored):
    """Evidence of new cases and of audited ones."""

    def __init__(self, new, old):
        self.sides = {new.card.name: new, old.card.name: old}

    def dataset(self, card):
        return self.sides[card.name]

    def read(self, request):
        return self.sides[request.dataset.name].full


@pytest.fixture
def here(tmp_path):
    dataset_card(tmp_path, "audited", TAGS)
    top = TAGS + 'unlabelled = true\naudited = "audited.toml"\nwatch_by = ["site"]'
    return cell(tmp_path, name="new", top=top)


def world(here, *, shift=0.0, spread=1.0, count=300, sites="en", seed=0, **new):
    rng = np.random.default_rng(seed)
    old_card = dataset_card(here.dataset.path.parent, "audited", TAGS)
    old = side(old_card, "old", rng.normal(size=400), rng.choice(["e", "n"], 400))
    scores = rng.normal(size=count) * spread + shift
    return Two(side(here.dataset, "new", scores, rng.choice(list(sites), count), **new), old)


def said(check, here, source):
    return {suffix: finding for suffix, finding, _ in findings(check, here, source)}


def test_new_cases_like_the_audited_ones_pass(here):
    found = said("D1", here, world(here))
    assert {one.verdict for one in found.values()} == {Verdict.PASS}
    assert set(found) == {"level", "spread"}


@pytest.mark.parametrize(
    ("drift", "failed"), [({"shift": 1.0}, "level"), ({"spread": 4.0}, "spread")]
)
def test_scores_that_move_or_spread_fail(here, drift, failed):
    found = said("D1", here, world(here, **drift))
    assert found[failed].verdict is Verdict.FAIL
    if failed == "spread":
        assert found["level"].verdict is not Verdict.FAIL


def test_few_cases_are_undecided_and_fewer_say_nothing(here):
    found = said("D1", here, world(here, count=40))
    assert Verdict.INCONCLUSIVE in {one.verdict for one in found.values()}
    found = said("D1", here, world(here, count=FEWEST - 1))
    assert {one.verdict for one in found.values()} == {Verdict.NOT_APPLICABLE}
    assert "29 new and 400 audited patients can be compared" in found["level"].reason


def test_the_chance_is_that_of_brute_force(here):
    source = world(here, shift=0.4, count=60)
    estimate = score_drift().estimate(here, source)
    new, old = (source.sides[name].full.scores[:, 0] for name in ("new", "audited"))
    labels = np.repeat([1, 0], [len(new), len(old)])
    won, pairs = concordance(labels, np.concatenate([new, old]))
    assert estimate.value == pytest.approx(won / pairs)
    assert (estimate.n_patients, estimate.n_positives) == (460, None)
    assert estimate.at["drift"] == "score level"
    assert 0 <= estimate.at["p"] <= 1


def test_patients_of_both_data_sets_are_no_new_ones(here):
    names = [f"new{i}" if i < 60 else f"old{i}" for i in range(100)]
    source = world(here, count=100, patients=names)
    both = two_sets(here, source)
    assert both.new.sum() == 60
    shared = world(here, count=100, patients=[f"old{i}" for i in range(100)])
    with pytest.raises(NotApplicable, match="0 new and 400 audited patients"):
        score_drift().estimate(here, shared)
    unread = np.ones(100, bool)
    unread[:5] = False
    assert two_sets(here, world(here, count=100, used=unread)).new.sum() == 95


def test_images_of_one_patient_are_one_patient(here):
    names = [f"new{i // 4}" for i in range(200)]
    wide = score_drift().estimate(here, world(here, count=200, patients=names))
    assert wide.n_patients == 450


def test_phantoms_of_other_seeds_are_other_patients(here):
    def drawn_with(seed):
        card = SimpleNamespace(phantom=SimpleNamespace(seed=seed))
        return SimpleNamespace(card=card, cases=[case(i, 0) for i in range(3)])

    assert fresh_cases(drawn_with(1), drawn_with(2)).all()
    assert not fresh_cases(drawn_with(1), drawn_with(1)).any()


def test_each_site_is_compared_with_itself_and_a_new_one_with_all(here):
    source = world(here, sites="enx")
    names = [name for name, _ in by_group(two_sets(here, source, "site"))]
    assert names == [
        "site: e", "site: n", "site: x (hardly any audited: beside all of them)",
    ]  # fmt: skip
    estimates = score_drift_by().answer(here, source)
    assert len(estimates) == 6
    (finding,) = said("D1-groups", here, source).values()
    assert len(finding.comparisons) == 6
    small = by_group(two_sets(here, world(here, count=31, sites="e"), "site"))
    assert [name for name, _ in small] == ["site: e"]


def test_one_site_that_drifts_fails_though_the_whole_hides_it(here):
    source = world(here, count=400)
    new = source.sides["new"]
    north = np.array([one.metadata["site"] == "n" for one in new.cases])
    new.full.scores[north] += 0.9
    new.full.scores[~north] -= 0.9
    (finding,) = said("D1-groups", here, source).values()
    assert finding.verdict is Verdict.FAIL
    assert said("D1", here, source)["level"].verdict is Verdict.PASS


def test_properties_that_move_are_named(here):
    looks = np.zeros(len(PROPERTIES) + len(AREAS) * EACH, np.float32)
    looks[PROPERTIES.index("brightness")] = 1.2
    looks[len(PROPERTIES) : len(PROPERTIES) + 4] = np.arange(1, 5)
    source = world(here, looks=looks)
    noise = np.random.default_rng(5).normal(size=(700, 4)).astype(np.float32)
    for one, part in zip(source.sides.values(), (noise[:300], noise[300:]), strict=True):
        one.full.stored[0]["properties"][:, len(PROPERTIES) : len(PROPERTIES) + 4] += part
    found = said("D2", here, source)
    failed = {name for name, one in found.items() if one.verdict is Verdict.FAIL}
    assert failed == {"brightness", "acquisition"}
    assert found["contrast"].verdict is Verdict.PASS
    assert "saturation" not in found, "the disease moves it"
    (finding,) = said("D2-groups", here, source).values()
    assert finding.verdict is Verdict.FAIL


def test_what_cannot_be_compared_is_said(here, tmp_path):
    looks = np.zeros(len(PROPERTIES) + len(AREAS) * EACH, np.float32)
    looks[1] = np.nan
    found = said("D2", here, world(here, looks=looks))
    assert "aspect is known of 0 patients" in found["aspect"].reason
    assert found["aspect"].verdict is Verdict.NOT_APPLICABLE
    bare = dataset_card(tmp_path, "new", 'audited = "audited.toml"', roi="")
    elsewhere = replace(here, dataset=bare)
    with pytest.raises(NotApplicable, match=r"'new' names no region \(key targets\.sick\.roi\)"):
        PropertyDrift("brightness").requests(elsewhere)
    assert PropertyDrift("megapixels").requests(elsewhere)
    with pytest.raises(NotApplicable, match="names no tag by whose values"):
        score_drift_by().requests(elsewhere)
    with pytest.raises(NotApplicable, match="names no audited data set"):
        score_drift().requests(replace(here, dataset=dataset_card(tmp_path, "lonely")))
    other = dataset_card(tmp_path, "lonely", 'audited = "audited.toml"', target="other")
    with pytest.raises(NotApplicable, match="has no target 'other'"):
        score_drift().requests(replace(here, dataset=other, target="other"))
    with pytest.raises(NotApplicable, match="no fold that did not train"):
        score_drift().requests(replace(here, average="held-out"))
