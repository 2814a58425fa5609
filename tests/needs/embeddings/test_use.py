"""Is a tag encoded, is it used, and by how much: models that differ in just that (E2)."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, auc, case, cell, findings, table, with_arrays

from audit_suite import encoded_and_used, probe, score_probe
from audit_suite.needs.embeddings.use import HARDLY, QUARTER, TENTH
from audit_suite.statistics import estimate_mean
from audit_suite.verdict import NotApplicable

COUNT = 600


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top='metadata = ["site", "age"]')


def world(*, encoded=0.0, used=0.0, tied=0.5, seed=0, values="ew", broken=False, layer=True):
    """A model that reads a finding, and a site as far as it encodes or uses it.

    ``tied``: share of the patients with the finding who are of the first site; the others are of
    it in half.
    """
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, COUNT)
    first = rng.random(COUNT) < np.where(label == 1, tied, 1 - tied)
    site = np.where(first, values[0], rng.choice(list(values[1:]), COUNT))
    if broken:
        site = np.where(label == 1, "e", "w")
    noise = rng.normal(size=(COUNT, 6))
    noise[:, 0] += 2 * label
    noise[:, 1] += encoded * first
    scores = 2 * label + used * first + rng.normal(size=COUNT)
    cases = [
        case(i, y, site=str(s), age=str(a))
        for i, (y, s, a) in enumerate(zip(label, site, rng.integers(20, 90, COUNT), strict=True))
    ]
    full = table(scores, 0.0)
    return Stored(cases, {"full": with_arrays(full, embeddings=noise) if layer else full})


def said(here, source):
    """The finding and its sentence on the site."""
    return next(
        finding for suffix, finding, _ in findings("E2", here, both(source)) if suffix == "site"
    )


def both(source):
    source.tables = dict.fromkeys(["full", "without-roi"], source.tables["full"])
    return source


@pytest.mark.parametrize(
    ("planted", "encoded", "used", "amount"),
    [
        ({}, "site is hardly encoded", "hardly in the score", "less than a"),
        ({"encoded": 3}, "site is encoded", "hardly in the score", "less than a"),
        (
            {"encoded": 3, "used": 3, "tied": 0.9},
            "site is encoded",
            "used, as the score alone tells it among patients of one class",
            "more than a quarter",
        ),
        (
            {"encoded": 3, "used": 1.5, "tied": 0.5},
            "site is encoded",
            "used, as the score alone tells it among patients of one class",
            "less than a",
        ),
    ],
    ids=["clean", "encoded alone", "a shortcut", "used though alike in both classes"],
)
def test_each_tag_has_one_sentence(here, planted, encoded, used, amount):
    finding = said(here, world(**planted))
    assert finding.verdict == "not_applicable"
    text = finding.reason
    assert text.startswith(f"reported only: {encoded} (AUROC ")
    assert f", {used} (AUROC " in text
    assert f", and it explains {amount}" in text
    assert [("of" in one.at, "cue" in one.at) for one in finding.observations] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_what_cannot_be_known_is_said_and_the_rest_still_told(here):
    """Where a tag is the finding itself, nothing within a class tells it."""
    source = world(encoded=3, broken=True)
    finding = said(here, source)
    assert "within a class of the finding too few patients differ" in finding.reason
    bare = said(here, world(layer=False))
    assert "names no layer to take embeddings from" in bare.reason


def test_the_share_may_be_unknown_and_the_reason_stands(here):
    encoded = probe("site").estimate(here, world(encoded=3))
    text = encoded_and_used(encoded, None, None, "few patients")
    assert text.startswith("site is encoded (AUROC ")
    assert text.endswith("; few patients")


def test_the_score_is_told_by_as_much_as_brute_force_says(here):
    """A monotone relation: cross-validation finds the AUROC of the score itself, within classes."""
    source = world(used=1.5)
    found = score_probe("site").estimate(here, source)
    site = np.array([one.metadata["site"] == "e" for one in source.cases]).astype(int)
    scores = source.tables["full"].scores[:, 0]
    within = [auc(site[source.labels == y], scores[source.labels == y]) for y in (0, 1)]
    assert found.value == pytest.approx(np.mean(within), abs=0.02)
    assert found.at == {"tag": "site", "of": "score"}
    assert found.label == "AUROC of predicting site from the score alone within classes of sick"
    assert "p" not in found.at, "it takes no part in the adjustment of the probes"


def test_a_site_at_both_ends_of_the_score_is_used(here):
    """Curved relations count: the site's scores are spread, not shifted."""
    source = world()
    first = np.array([one.metadata["site"] == "e" for one in source.cases])
    scores = source.tables["full"].scores.copy()
    scores[first] = (scores[first] - scores[first].mean()) * 4 + scores[first].mean()
    source.tables["full"].scores[:] = scores
    assert score_probe("site").estimate(here, source).interval()[0] > 0.6


def test_of_several_sites_each_is_told_from_the_rest(here):
    found = score_probe("site").estimate(here, world(used=3, values="ewx"))
    assert "each value against the rest" in found.label
    assert found.interval()[0] > 0.55
    null = [score_probe("site").estimate(here, world(seed=seed)).interval() for seed in range(4)]
    assert sum(low < 0.5 < high for low, high in null) >= 3


def around(value, half, label="x", **at):
    """An estimate whose 95 % interval is about a value, plus and minus a half."""
    rng = np.random.default_rng(0)
    spread = rng.normal(size=400)
    spread = (spread - spread.mean()) / spread.std() * half / 1.96 * 20
    return estimate_mean(value + spread, np.arange(400).astype(str), "d", label).placed(**at)


@pytest.mark.parametrize(
    ("value", "half", "words"),
    [
        (QUARTER + 0.2, 0.1, "more than a quarter (0.45 [0.35, 0.55])"),
        (TENTH + 0.1, 0.08, "more than a tenth (0.20"),
        (0.0, 0.05, "less than a tenth (0.00 [-0.05, 0.05])"),
        (TENTH, 0.08, "less than a quarter (0.10"),
        (QUARTER, 0.2, "an undecided share (0.25"),
    ],
)
def test_shares_have_the_limits_of_causes(value, half, words):
    encoded = around(0.9, 0.05, tag="site")
    text = encoded_and_used(encoded, around(HARDLY, 0.2), around(value, half))
    assert words in text
    assert "perhaps used, as it is undecided whether the score alone tells it" in text


def test_it_asks_as_the_probe_does(tmp_path):
    bare = cell(tmp_path)
    with pytest.raises(NotApplicable, match="declares no metadata"):
        score_probe("").requests(bare)
