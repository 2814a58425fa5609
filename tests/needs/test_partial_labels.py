"""Images without a label of the target: every need answers as if they were not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from needs.evidence import Stored, auc, cell, concordance, table, with_arrays

from audit_suite import (
    Full,
    OnlyROI,
    WithoutROI,
    association,
    auroc,
    background_gap,
    baseline,
    departure,
    domain,
    flip_rate,
    following,
    outline_auroc,
    outline_property,
    permuted_fails,
    probe,
    similarity,
    within,
)
from audit_suite.datasets import Case
from audit_suite.evidence.scores.donors import lenders
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.needs.scores.swap import SWAPPED, donors_of
from audit_suite.pictures.embedding_map import embedding_map
from audit_suite.pictures.extremes import extremes
from audit_suite.statistics import Estimate

COUNT = 240
TWO = 'roi = ["lungs"]\n[targets.other]\ncolumn = "other"'
TAGS = 'metadata = ["site", "age"]'


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


@pytest.fixture
def beside_another(tmp_path):
    return cell(tmp_path, top=TAGS, roi=TWO)


def images(seed=3):
    """Cases of which a third has no label of ``sick`` and a third none of ``other``, and arrays."""
    rng = np.random.default_rng(seed)
    sick, other = rng.integers(0, 2, COUNT), rng.integers(0, 2, COUNT)
    cases = []
    for i in range(COUNT):
        labels = {"sick": int(sick[i])} if i % 3 != 1 else {}
        labels |= {"other": int(other[i])} if i % 6 < 4 else {}
        tags = {"site": "ab"[rng.integers(2)], "age": str(rng.integers(40, 80))}
        cases.append(Case(f"i{i}", f"p{i // 2}", labels, tags, i + 2, float(rng.random())))
    drawn = rng.integers(0, 256, (COUNT, 32, 32)).astype(np.uint8)
    arrays = {
        "scores": rng.random(COUNT) + sick / 3,
        "hidden": rng.uniform(0.2, 0.4, COUNT),
        "outlines": drawn,
        "embeddings": rng.normal(size=(2, COUNT, 5)).astype(np.float32),
        "properties": rng.random((COUNT, 12)).astype(np.float32),
    }
    return cases, arrays


def stored(cases, arrays, kept):
    """Evidence on the kept images alone."""
    from audit_suite.datasets.properties import PROPERTIES

    rows = np.flatnonzero(kept)
    scores, hidden = arrays["scores"][rows], arrays["hidden"][rows]
    full, masked = (arrays["embeddings"][i][rows] for i in (0, 1))
    properties = arrays["properties"][rows][:, : len(PROPERTIES)]
    shown = with_arrays(table(scores, 0.0), embeddings=full, properties=properties)
    without = with_arrays(
        table(
            scores[::-1].copy() * 0 + (scores * 7) % 1, hidden, outlines=arrays["outlines"][rows]
        ),
        embeddings=masked,
    )
    tables = {"full": shown, "without-lungs": without, "without-lungs-mean": without}
    return Stored([cases[i] for i in rows], tables, digest="one")


NEEDS = {
    "auroc": auroc(),
    "auroc-masked": auroc(WithoutROI()),
    "flips": flip_rate(WithoutROI()),
    "within": within(Full(), "site"),
    "association": association("site"),
    "association-age": association("age"),
    "following": following("age", "positive"),
    "metadata": baseline(),
    "outline": outline_auroc("geometry"),
    "quality": outline_property("quality"),
    "area": outline_property("area"),
    "probe": probe("site"),
    "departure": departure(WithoutROI()),
    "domain": domain(WithoutROI()),
    "similarity": similarity(WithoutROI(), "negative"),
    "similarity-all": similarity(WithoutROI()),
    "permuted": permuted_fails((WithoutROI(),), 0.02),
}


def answer(need, where, source):
    given = getattr(need, "estimate", None) or need.answer
    found = given(where, source)
    if isinstance(found, Estimate):
        return found.value, found.se, found.n_images, found.n_patients
    return found.value, found.n_images


@pytest.mark.parametrize("name", NEEDS)
def test_unlabelled_images_are_as_if_they_were_not_there(here, name):
    cases, arrays = images()
    labelled = np.array(["sick" in case.labels for case in cases])
    every = answer(NEEDS[name], here, stored(cases, arrays, np.ones(COUNT, bool)))
    assert every == pytest.approx(answer(NEEDS[name], here, stored(cases, arrays, labelled)))
    # and they would count otherwise
    full = [replace(c, labels={"sick": i % 2} | c.labels) for i, c in enumerate(cases)]
    assert every != pytest.approx(
        answer(NEEDS[name], here, stored(full, arrays, np.ones(COUNT, bool)))
    )


@pytest.mark.parametrize("need", [within(Full(), "other"), outline_auroc("position")], ids=str)
def test_what_looks_at_two_findings_uses_images_that_have_both(beside_another, need):
    cases, arrays = images()
    both = np.array([{"sick", "other"} <= case.labels.keys() for case in cases])
    every = answer(need, beside_another, stored(cases, arrays, np.ones(COUNT, bool)))
    assert every == pytest.approx(answer(need, beside_another, stored(cases, arrays, both)))
    assert every[2] == both.sum() < sum("sick" in case.labels for case in cases)


def test_strata_of_another_finding_by_brute_force(beside_another):
    cases, arrays = images()
    cases = [replace(case, patient=case.id) for case in cases]
    found = within(Full(), "other").estimate(
        beside_another, stored(cases, arrays, np.ones(COUNT, bool))
    )
    total = np.zeros(2)
    for other in (0, 1):
        rows = [
            i for i, c in enumerate(cases) if "sick" in c.labels and c.labels.get("other") == other
        ]
        labels = np.array([cases[i].labels["sick"] for i in rows])
        total += concordance(labels, arrays["scores"][rows].astype(np.float32))
    assert found.value == pytest.approx(total[0] / total[1], abs=1e-6)


def test_unlabelled_images_lend_backgrounds_as_they_did_when_scores_were_computed(here):
    cases, arrays = images()
    scores = arrays["scores"].astype(np.float32)
    source = Stored(cases, {"only-lungs-swap": table(scores, 0.7)}, digest="lent")
    labels = np.array([case.labels.get("sick", -1) for case in cases])
    lent = np.array(lenders(source, source.profile.seed, np.ones(COUNT, bool)))
    known, same = labels >= 0, (labels >= 0) & (labels[lent] == labels)
    found = background_gap().estimate(here, source)
    expected = auc(labels[same], scores[same]) - auc(labels[known], scores[known])
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert [r.masking for r in background_gap().requests(here)] == [OnlyROI("lungs", fill="swap")]
    assert (labels[lent[known]] < 0).any(), "some donors have no label"


def test_part_of_the_images_keeps_its_donors(here):
    cases, arrays = images()
    scores = arrays["scores"].astype(np.float32)
    readable = np.arange(COUNT) % 7 > 0
    source = Stored(cases, {"only-lungs-swap": table(scores, 0.7, readable)}, digest="lent")
    scored = cell_scores(here, source, SWAPPED)
    part = scored.where(np.arange(len(scored.labels)) % 2 == 0)
    lent = lenders(source, source.profile.seed, readable)
    expected = [lent[i] for i in np.flatnonzero(part.used)]
    assert donors_of(here, source, part).tolist() == expected
    assert len(expected) < len(scored.labels) < readable.sum()


class Shown(Stored):
    """Evidence that pictures read: what is stored, and a store that knows no model."""

    def read_stored(self, request):
        return self.tables.get(request.masking.id)

    def model_digest(self, model, fold):
        return "model"

    @property
    def card(self):
        return type("Card", (), {"name": "d"})


def test_a_map_of_embeddings_shows_labelled_images_alone(here):
    cases, arrays = images()
    made = stored(cases, arrays, np.ones(COUNT, bool))
    found = embedding_map(here, Shown(made.cases, made.tables, made.digest))
    labelled = sum("sick" in case.labels for case in cases)
    assert found.n_images == labelled == sum(len(c.x) for c in found.clouds) // 2


def test_extremes_are_labelled_images(here, monkeypatch):
    cases, arrays = images()
    arrays["properties"][:] = np.arange(COUNT)[:, None]
    made = stored(cases, arrays, np.ones(COUNT, bool))
    drawn = []

    def picture(source, model, card, index):
        drawn.append(index)
        return np.zeros((1, 4, 4), np.float32)

    monkeypatch.setattr("audit_suite.pictures.extremes.image_at_input", picture)
    from audit_suite.datasets.properties import PROPERTIES

    pictures = extremes(here, PROPERTIES[0], Shown(made.cases, made.tables, made.digest))
    assert drawn == [0, 2, 3, 239, 237, 236]
    words = ["positive" if cases[i].labels["sick"] else "negative" for i in drawn]
    assert [one.case.split(", ")[1] for one in pictures] == words
