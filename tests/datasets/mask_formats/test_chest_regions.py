"""The cards of docs/howto/chest-regions.md give the region that it speaks of; its numbers hold."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest
from datasets.masked import SHAPE, Project

from audit_suite.audit.policy import load_policy
from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.datasets.masks import read_mask
from audit_suite.datasets.shapes import hull_mask
from audit_suite.maskings.limits import LARGEST_ELSEWHERE
from audit_suite.registry import SECTIONS

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "chest-regions.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")


def text():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path):
    """Four images, with two upright blocks as lungs in one mask."""
    own = Project(tmp_path)
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:20, 3:9] = mask[4:20, 20:28] = 255
    own.image("mask.png", mask)
    for row in own.rows:
        row |= {"lung_mask": "mask.png", "pneumonia": row["sick"], "effusion": row["sick"]}
    own.table("images.csv", own.rows)
    return own


def test_its_cards_load_and_the_region_holds_what_lies_between(own):
    card, margin = re.findall(r"```toml\n(.*?)```", text(), re.DOTALL)
    (own.path / "card.toml").write_text(
        card.replace("[targets.pneumonia]", f"{margin}\n[targets.pneumonia]")
    )
    dataset = load_dataset(load_dataset_card(own.path / "card.toml"))
    assert dataset.card.targets["pneumonia"].roi == ("lungs-mediastinum",)
    assert dataset.card.targets["effusion"].roi_margin == 25
    wanted = np.zeros(SHAPE, bool)
    wanted[4:20, 3:28] = True
    assert np.array_equal(dataset.read(0).regions["lungs-mediastinum"], wanted)


def test_what_it_says_of_checks_limits_and_the_report_is_so():
    page = " ".join(text().split())
    assert f"above {LARGEST_ELSEWHERE:.0%}".replace("%", " %") in page
    required = load_policy().targets[0].required
    assert "R8-box" in required
    assert "R8" not in required
    assert SECTIONS["hidden"].title in page


@pytest.mark.real_data
def test_its_numbers_are_those_of_the_public_films():
    folder = Path(os.environ["AUDIT_REAL_DATA"]) / "cxr"
    shares = []
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            mask = read_mask(folder / row["mask"])
            box = np.prod(np.ptp(np.argwhere(mask), axis=0) + 1) / mask.size
            shares.append((mask.mean(), hull_mask(mask).mean(), box))
    lungs, hull, box = np.array(shares).T
    assert f"the {len(shares)} films" in " ".join(text().split())
    for name, share in (("outline of the lungs", lungs), ("hull around both lungs", hull)):
        seen = np.median(share), np.median(1 - share / box)
        row = "| {} | {:.0%} | {:.0%} |".format(name, *seen).replace("%", " %")
        assert row in text()
    assert f"| box around the lungs | {np.median(box):.0%} | none |".replace("%", " %") in text()
