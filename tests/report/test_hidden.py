"""What outline and box hide: medians of the evidence, and one plain sentence for each region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table
from report.example import example
from report.test_report import Page

from audit_suite.cards import load_dataset_card
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import WithoutROI
from audit_suite.report import render_html
from audit_suite.report.section import Gathered
from audit_suite.sections.hidden import Hidden, collect, view

OUTLINE, BOX = np.array([0.2, 0.3, 0.4, 0.9]), np.array([0.4, 0.5, 0.8, 0.95])
USED = np.array([True, True, True, False])
LUNGS = {
    "dataset": "site-b",
    "region": ["lungs"],
    "kind": "lungs",
    "targets": ["effusion"],
    "models": ["lung-net"],
    "images": 1200,
    "outline": 0.27,
    "box": 0.55,
    "visible": 0.509,
}


class Here(Stored):
    """Evidence of two maskings, of which some may not be stored yet."""

    absent = ()

    def missing(self, request):
        return [request.masking.id] if request.masking.id in self.absent else []


def gathered(here, *maskings, absent=()):
    source = Here([case(i, i % 2) for i in range(4)], {})
    source.tables = {
        "without-lungs": table(np.zeros(4), OUTLINE, USED.copy()),
        "without-lungs-mean": table(np.zeros(4), OUTLINE, USED.copy()),
        "without-lungs-box": table(np.zeros(4), BOX, USED.copy()),
    }
    source.absent = absent
    requests = [ScoreRequest(here.model, None, here.dataset, m.of(("lungs",))) for m in maskings]
    return Gathered([here], [], requests, source)


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def test_medians_over_usable_images_and_the_share_of_the_box_image_by_image(here):
    (found,) = collect(gathered(here, WithoutROI(), WithoutROI(shape="box")))
    assert found == {
        "dataset": here.dataset.name, "region": ["lungs"], "kind": "lungs", "targets": ["sick"],
        "models": [here.model_name], "images": 3, "outline": 0.3, "box": 0.5,
        "visible": round(float(np.median(1 - OUTLINE[USED] / BOX[USED])), 4),
    }  # fmt: skip


def test_any_fill_shows_it_and_what_was_not_hidden_is_not_said(here):
    (found,) = collect(gathered(here, WithoutROI(fill="mean")))
    assert (found["outline"], found["box"], found["visible"]) == (0.3, None, None)
    (found,) = collect(gathered(here, WithoutROI(shape="box")))
    assert (found["outline"], found["box"], found["visible"]) == (None, 0.5, None)


def test_nothing_is_computed_for_it(here):
    assert collect(gathered(here)) is None
    both = WithoutROI(), WithoutROI(shape="box")
    assert collect(gathered(here, *both, absent=("without-lungs", "without-lungs-box"))) is None


def test_models_and_targets_that_hide_the_same_share_a_line(here, tmp_path):
    one = gathered(here, WithoutROI())
    other = replace(here, model=here.model.model_copy(update={"name": "second"}))
    (found,) = collect(replace(one, cells=[here, other, here]))
    assert found["models"] == [here.model_name, "second"]
    assert found["targets"] == ["sick"]


CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
[targets.sick]
column = "sick"
roi = {roi}
[regions.lungs]
column = "mask"
[regions.left-lung]
column = "left"
[regions.disc]
column = "disc"
[regions.both]
format = "hull"
of = ["lungs"]
[regions.frame]
format = "drawn"
rectangle = [0, 0, 1, 1]
"""


@pytest.mark.parametrize(
    ("roi", "kind"),
    [
        ('["lungs"]', "lungs"),
        ('["both"]', "lungs and between"),
        ('["frame"]', "one for all"),
        ('["disc"]', "other"),
        ('["left-lung"]', "other"),
        ('["lungs", "disc"]', "other"),
    ],
)
def test_the_kind_is_told_by_the_card(tmp_path, here, roi, kind):
    (tmp_path / "d.toml").write_text(CARD.format(roi=roi))
    there = replace(here, dataset=load_dataset_card(tmp_path / "d.toml"))
    masking = WithoutROI().of(there.dataset.targets["sick"].roi)
    request = ScoreRequest(there.model, None, there.dataset, masking)
    source = Here([case(0, 0)], {masking.id: table(np.zeros(1), 0.25)})
    (found,) = collect(Gathered([there], [], [request], source))
    assert found["kind"] == kind


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {},
            "The outline of lungs hides 27 % of the image and leaves 51 % of its box visible, "
            "usually the mediastinum, the heart and the lung behind them; the box hides 55 %.",
        ),
        (
            {"kind": "lungs and between", "region": ["lungs-mediastinum"], "outline": 0.45},
            "The hull lungs-mediastinum hides 45 % of the image, with the mediastinum and most of "
            "the heart, and leaves 51 % of its box visible; the box hides 55 %.",
        ),
        (
            {"kind": "one for all", "region": ["frame"]},
            "The region frame hides 27 % of the image and leaves 51 % of its box visible; the box "
            "hides 55 %. It is the same in all images, so it holds some background in each.",
        ),
        (
            {"kind": "other", "region": ["disc", "cup"]},
            "The outline of disc and cup hides 27 % of the image and leaves 51 % of its box "
            "visible; the box hides 55 %.",
        ),
        (
            {"outline": None, "visible": None},
            "The box around lungs hides 55 % of the image.",
        ),
        ({"box": None, "visible": None}, "The outline of lungs hides 27 % of the image."),
    ],
)
def test_one_sentence_for_each_kind_of_region(change, said):
    assert Hidden(**LUNGS | change).sentence == said
    chest = ("lung", "mediastinum", "heart")
    if change.get("kind") in ("other", "one for all"):
        assert not any(word in said for word in chest), "these words are for the chest alone"


def page(*shares):
    made = example().model_copy(update={"sections": {"hidden": list(shares)} if shares else {}})
    return made, Page(render_html(made))


def test_the_report_shows_the_sentence_and_how_many_images():
    _, shown = page(LUNGS)
    assert f"site-b, effusion {Hidden(**LUNGS).sentence} (1,200 images)" in shown.words
    _, shown = page()
    assert "What is hidden, and what stays visible" not in shown.words
    assert "Not tested: what lies inside the hidden region" in shown.words, "under limits"
    assert "Intervals cover the choice of patients alone" in shown.words


def test_models_are_named_where_they_are_shown_different_pictures():
    wide = LUNGS | {"models": ["wide-net"], "outline": 0.2}
    made, _ = page(LUNGS, wide)
    assert [row.where for row in view(made, [])] == [
        "site-b, effusion (lung-net)",
        "site-b, effusion (wide-net)",
    ]
