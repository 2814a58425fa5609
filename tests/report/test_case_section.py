"""The scores of the patient on the first screen are those of the pictured image."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from cards import bright_project
from report.example import finding

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.pictures import masked_cases as drawing
from audit_suite.report.section import Gathered
from audit_suite.sections import attributions
from audit_suite.sections.case import collect, first_sick, pictured
from audit_suite.sections.gallery import plainest, planned_maskings

SHOWN = (Full(), WithoutROI(shape="box"))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    bright_project(folder, patients=60)
    model, card = load_model_card(folder / "model.toml"), load_dataset_card(folder / "data.toml")
    source = EvidenceSource(EvidenceStore(folder / "ev"), EvidenceProfile(device="cpu", threads=1))
    return Cell(model, (None,), card, "consolidation"), source


def test_it_is_the_image_that_the_gallery_calls_positive_1(here, monkeypatch):
    cell, source = here
    chosen = []
    real = drawing._choose

    def choose(*asked):
        found = real(*asked)
        chosen.append((asked[2:], found[0]))
        return found

    monkeypatch.setattr(drawing, "_choose", choose)
    pictures = list(drawing.masked_cases(cell, [Masking.parse("full")], source))
    assert pictures[0].case == "positive 1"
    readable = np.ones(len(source.dataset(cell.dataset).cases), bool)
    assert dict(chosen)[1, 0] == first_sick(cell, source, readable)
    readable[dict(chosen)[1, 0]] = False
    assert first_sick(cell, source, readable) == dict(chosen)[1, 1], "unreadable: the next"
    assert first_sick(cell, source, np.zeros_like(readable)) is None


def test_scores_and_their_place_among_whole_images(here):
    cell, source = here
    requests = [request for masking in SHOWN for request in cell.requests(masking)]
    assert collect(Gathered([cell], [], requests, source)) is None, "nothing is computed for it"
    for request in requests:
        source.read(request)
    ((found),) = collect(Gathered([cell], [], requests, source))
    assert (found["model"], found["dataset"], found["target"]) == (
        cell.model_name,
        cell.dataset.name,
        "consolidation",
    )
    full = source.read(requests[0])
    index = first_sick(cell, source, full.used)
    for masking, request in zip(SHOWN, requests, strict=True):
        raw = source.read(request).scores[index, 0]
        said = found["scores"][masking.id]
        assert said["probability"] == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-6)
        assert said["above"] == round(float(np.mean(full.scores[:, 0] < raw)), 4)


def test_each_picture_of_the_gallery_has_its_score(here):
    cell, source = here
    requests = [request for masking in SHOWN for request in cell.requests(masking)]
    for request in requests:
        source.read(request)
    ((found),) = collect(Gathered([cell], [], requests, source))
    maskings = [request.masking for request in requests]
    pictures = list(drawing.masked_cases(cell, maskings, source))
    assert {(one.case, one.masking) for one in pictures} == {
        (case, masking) for case, scores in found["pictures"].items() for masking in scores
    }
    readable = np.ones(len(source.dataset(cell.dataset).cases), bool)
    chosen = pictured(cell, source, readable)
    assert chosen["positive 1"] == first_sick(cell, source, readable)
    assert len(set(chosen.values())) == 3, "three patients"
    for case, index in chosen.items():
        for request in requests:
            raw = source.read(request).scores[index, 0]
            said = found["pictures"][case][request.masking.id]["probability"]
            assert said == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-6)


def test_of_many_maskings_the_plainest_six_are_shown(here):
    cell, _ = here
    fills = [WithoutROI(fill=fill) for fill in ("blur", "mean", "noise", "inpaint")]
    plain = [Full(), WithoutROI(), WithoutROI(shape="box"), OnlyROI(), OnlyROI(shape="box")]
    asked = [*fills, *reversed(plain), WithoutROI(whose="elsewhere")]
    requests = [request for masking in asked for request in cell.requests(masking)]
    shown = plainest(cell, planned_maskings(requests))
    (region,) = cell.dataset.targets[cell.target].roi
    assert [masking.id for masking in shown] == [
        "full",
        f"only-{region}",
        f"only-{region}-box",
        f"without-{region}",
        f"without-{region}-box",
        f"without-{region}-elsewhere",
    ]
    few = planned_maskings(cell.requests(WithoutROI(fill="blur")))
    assert [masking.id for masking in plainest(cell, few)] == [f"without-{region}-blur"]
    assert plainest(cell, {}) == []


def test_what_was_not_planned_has_no_score(here):
    cell, source = here
    (found,) = collect(Gathered([cell], [], cell.requests(Full()), source))
    assert list(found["scores"]) == ["full"]
    assert collect(Gathered([cell], [], [], source)) is None


def test_the_image_whose_map_is_shown_has_its_own_score(here, monkeypatch):
    cell, source = here
    data = source.dataset(cell.dataset)
    index = np.array([i for i, case in enumerate(data.cases) if i >= len(data.cases) // 2])
    sick = next(i for i in index if data.cases[i].labels[cell.target] == 1)
    maps = [("gradient", SimpleNamespace(index=index))]
    monkeypatch.setattr(attributions, "_stored", lambda *_: maps)
    place = {"model": cell.model_name, "dataset": cell.dataset.name, "target": cell.target}
    asked = finding("I1", "pass", [], section="attributions.maps", case="gradient", **place)
    requests = cell.requests(Full())
    full = source.read(requests[0])
    (found,) = collect(Gathered([cell], [asked], requests, source))
    raw = full.scores[sick, 0]
    assert found["explained"]["probability"] == pytest.approx(1 / (1 + np.exp(-raw)), abs=1e-6)
    maps[0][1].index = np.array([i for i in index if data.cases[i].labels[cell.target] == 0])
    (found,) = collect(Gathered([cell], [asked], requests, source))
    assert "explained" not in found, "no sick patient was explained"
