"""Masks of lungs make `init` propose what lies between them; other masks do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit_suite.cards.chest import are_lungs
from audit_suite.starting.answers import Answers
from audit_suite.starting.chest_look import regions_and_roi

HULL = "lungs-mediastinum"


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (["lungs"], True),
        (["Lung"], True),
        (["lung_masks"], True),
        (["left-lung", "right-lung"], True),
        (["Left Lung", "Right Lung"], True),
        (["both-lungs-left-and-right"], True),
        (["left-lung"], False),
        (["lung_right"], False),
        (["lungs", "heart"], False),
        (["plunge"], False),
        (["optic-disc"], False),
        ([], False),
    ],
)
def test_which_names_mean_both_lungs(names, both):
    assert are_lungs(names) is both


@pytest.mark.parametrize(
    ("name", "keys", "masks", "called"),
    [
        ("lungs", {"folder": "m"}, "m", "lungs"),
        ("region", {"folder": "lung_masks"}, "data/lung_masks", "lungs"),
        ("region", {"format": "coco", "category": "lung"}, "o.json", "lungs"),
        ("chest", {"format": "coco", "category": ["left lung", "right lung"]}, "o.json", "chest"),
        ("region", {"format": "labelme", "label": "lung"}, "labelme", "lungs"),
        ("region", {"format": "rle", "column": "lungs_rle"}, "runs.csv", "lungs"),
    ],
)
def test_lungs_are_told_by_region_folder_and_class(name, keys, masks, called):
    answers = Answers(None)
    regions, roi = regions_and_roi(name, keys, Path(masks), answers)
    assert regions == {called: keys, HULL: {"format": "hull", "of": [called]}}
    assert roi.value == [HULL]
    assert roi.why.startswith("outlines of lungs leave out the heart")
    (line,) = answers.assumed
    assert f"({called}, or {HULL}: their convex hull): {HULL}" in line


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("region", {"folder": "masks"}),
        ("disc", {"format": "coco", "category": "optic disc"}),
        ("left-lung", {"folder": "masks"}),
        ("region", {"format": "coco", "category": ["lung", "heart"]}),
    ],
)
def test_other_masks_stay_as_they_are(name, keys):
    answers = Answers(None)
    assert regions_and_roi(name, keys, Path("masks"), answers) == ({name: keys}, [name])
    assert answers.assumed == []


def test_a_person_may_prefer_the_lungs_alone():
    answers = Answers(lambda question, likely: "lungs")
    keys = {"folder": "lungs"}
    assert regions_and_roi("region", keys, Path("lungs"), answers) == ({"lungs": keys}, ["lungs"])
