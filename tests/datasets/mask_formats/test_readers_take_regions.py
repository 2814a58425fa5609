"""Regions of a card beside, or in place of, those of a reader; also of public data sets."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from cards import phantom_card

from audit_suite.datasets.regions import region_names
from audit_suite.errors import AuditError

sys.path.insert(0, str(Path(__file__).parents[1]))
from published import SHAPE, Airogs, Chaksu, ChestXray14, DicomFolder, PadChest, box

DRAWN = """
[regions.drawn]
format = "drawn"
rectangle = [0.25, 0.2, 0.75, 0.8]
"""
RECTANGLE = box(2, 3, 8, 9)


@pytest.mark.parametrize("kind", [PadChest, ChestXray14, Chaksu, Airogs, DicomFolder])
def test_a_drawn_region_beside_those_of_the_reader(tmp_path, kind):
    data = kind(tmp_path)
    data.card += DRAWN
    dataset = data.load()
    own = dataset.card.roi_regions
    sample = dataset.read(0)
    assert sample.regions.keys() >= {*own, "drawn"}
    assert np.array_equal(sample.regions["drawn"], RECTANGLE)
    assert region_names(dataset.card) >= {*own, "drawn"}


@pytest.mark.parametrize("kind", [PadChest, ChestXray14, Chaksu, Airogs, DicomFolder])
def test_a_drawn_region_in_place_of_masks(tmp_path, kind):
    data = kind(tmp_path)
    for own in ('["left-lung", "right-lung"]', '["disc"]', '["lungs"]'):
        data.card = data.card.replace(f"roi = {own}", 'roi = ["drawn"]')
    data.card = "\n".join(line for line in data.card.split("\n") if not line.startswith("masks ="))
    data.card += DRAWN
    data.write()
    if kind is Airogs:
        shutil.rmtree(data.mask(0).parent)
    dataset = data.reload()
    for index in range(len(dataset.cases)):
        assert np.array_equal(dataset.read(index).regions["drawn"], RECTANGLE)


def test_boxes_of_chestxray14_for_one_finding(tmp_path):
    data = ChestXray14(tmp_path)
    data.card = data.card.replace(
        'roi = ["left-lung", "right-lung"]', 'roi = ["heart-seen"]', 1
    ) + (
        '[regions.heart-seen]\nformat = "boxes"\ntable = "BBox_List_2017.csv"\nimage = "Image Index"\n'
        'columns = ["Bbox [x", "y", "w", "h]"]\nbox = "xywh"\nabsent = "population"\n'
        'where = { "Finding Label" = "Cardiomegaly" }\n'
    )
    first = data.rows[0][0]  # the table as published, with commas at the end
    (tmp_path / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
        f"{first},Cardiomegaly,3,2,6,6,,,\n{first},Effusion,0,0,2,2,,,\n"
    )
    dataset = data.load()
    for index in range(len(dataset.cases)):
        assert np.array_equal(dataset.read(index).regions["heart-seen"], RECTANGLE)
    assert RECTANGLE.shape == SHAPE


def test_a_phantom_draws_its_own(tmp_path):
    with pytest.raises(AuditError, match="reader 'phantom' draws its own regions"):
        phantom_card(tmp_path, target=DRAWN)
