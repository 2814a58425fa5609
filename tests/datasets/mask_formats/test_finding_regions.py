"""The card of docs/howto/finding-regions.md gives each target the region of its own finding."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from datasets.masked import SHAPE, Project

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "finding-regions.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")
FINDINGS = ("cardiomegaly", "nodule", "pneumonia")
HEART, NODULES = (10, 12, 20, 22), ((3, 2, 6, 5), (22, 14, 25, 17))  # x_min, y_min, x_max, y_max


def card():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return text


@pytest.fixture
def own(tmp_path):
    """Four images: the odd ones have an enlarged heart, and one nodule each in other places."""
    own = Project(tmp_path)
    names, boxes = ("x_min", "y_min", "x_max", "y_max"), []
    for i, row in enumerate(own.rows):
        row |= {finding: str(i % 2) for finding in FINDINGS}
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:20, 3:9] = mask[4:20, 20 + i : 28] = 255
        own.image(f"lung_masks/a{i}.png", mask)
        if i % 2:
            found = [("Cardiomegaly", HEART), ("Nodule/Mass", NODULES[i // 2])]
            for finding, box in found:
                boxes.append(
                    {"image_id": f"a{i}", "class_name": finding}
                    | dict(zip(names, map(str, box), strict=True))
                )
    own.table("images.csv", own.rows)
    own.table("annotations.csv", boxes)
    return own


def load(own, text):
    (own.path / "card.toml").write_text(text)
    return load_dataset(load_dataset_card(own.path / "card.toml"))


def boxed(*boxes):
    mask = np.zeros(SHAPE, bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_each_target_has_its_own_region_the_same_in_patients_with_and_without(own):
    dataset = load(own, card())
    assert {name: target.roi for name, target in dataset.card.targets.items()} == {
        "cardiomegaly": ("heart-boxes",),
        "nodule": ("nodule-boxes",),
        "pneumonia": ("lungs-mediastinum",),
    }
    assert dataset.card.one_region_for_all == {"heart-boxes", "nodule-boxes"}
    for i in range(4):
        regions = dataset.read(i).regions
        assert np.array_equal(regions["heart-boxes"], boxed(HEART))
        assert np.array_equal(regions["nodule-boxes"], boxed(*NODULES))
        assert np.array_equal(regions["lungs-mediastinum"], boxed((3, 4, 28, 20)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'where = { class_name = "Cardiomegaly" }\nabsent = "population"',
            'where = { class_name = "Cardiomegaly" }',
            "annotations.csv has no row of 'regions.heart-boxes' for the image",
        ),
        (
            'of = ["lungs"]',
            'of = ["heart-boxes"]',
            "is one region for all images: draw that one as large as is meant",
        ),
        ('"Cardiomegaly"', '"Effusion"', "no row has class_name = Effusion"),
        ('image = "image_id"', 'image = "class_name"', "so there is no population"),
        ('roi = ["heart-boxes"]', 'roi = ["heart-box"]', "heart-box"),
    ],
)
def test_one_thing_wrong_is_said_as_the_page_says(own, old, new, said):
    assert old in card()
    with pytest.raises(AuditError, match=re.escape(said)):
        load(own, card().replace(old, new))


def test_the_page_quotes_messages_that_exist():
    source = "".join(
        re.sub(r'"\s*f?"', "", path.read_text(encoding="utf-8"))
        for folder in ("cards", "datasets")
        for path in (PAGE.parents[2] / "audit_suite" / folder).rglob("*.py")
    )
    quoted = re.findall(r"^\| `(.+?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(quoted) == 4
    for quote in quoted:
        for part in re.split(
            r"annotations\.csv|'?regions\.heart-boxes'?|class_name = Effusion", quote
        ):
            assert part.strip() in source, quote
