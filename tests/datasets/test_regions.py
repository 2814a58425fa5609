"""Which regions a data set's images have, and the rim that every frame has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import Sample, load_dataset
from audit_suite.datasets.regions import border, named_regions, region_names

ZOO = Path(__file__).parents[2] / "model_zoo" / "datasets"

MANIFEST = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
[targets.sick]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
[regions.marker]
column = "marker"
{more}
"""


@pytest.fixture
def card(tmp_path):
    def make(more=""):
        (tmp_path / "d.toml").write_text(MANIFEST.format(more=more))
        return load_dataset_card(tmp_path / "d.toml")

    return make


def square(*place, size=(20, 40)):
    found = np.zeros(size, bool)
    found[place] = True
    return found


def sample(**regions):
    return Sample(np.zeros((20, 40), np.uint8), regions)


@pytest.mark.parametrize(
    ("shape", "wide"), [((20, 20), 1), ((100, 60), 3), ((64, 64), 3), ((8, 8), 1)]
)
def test_the_border_is_five_hundredths_of_the_shorter_side_wide(shape, wide):
    found = border(shape)
    assert found.sum() == shape[0] * shape[1] - (shape[0] - 2 * wide) * (shape[1] - 2 * wide)
    assert found[:wide].all()
    assert found[:, -wide:].all()
    assert not found[wide:-wide, wide:-wide].any()


def test_what_another_region_takes_of_the_rim_is_no_border(card):
    lungs, marker = square(slice(0, 5), slice(10, 20)), square(slice(15, 20), slice(0, 3))
    found = named_regions(sample(lungs=lungs, marker=marker), card(), ["border"])
    assert not (found["border"] & (lungs | marker)).any()
    assert (found["border"] | lungs | marker)[border((20, 40))].all()


def test_a_region_that_an_image_lacks_is_empty_and_an_unknown_one_is_left_out(card):
    found = named_regions(sample(lungs=square(3, 3)), card(), ["lungs", "marker", "tube"])
    assert set(found) == {"lungs", "marker"}
    assert not found["marker"].any()


def test_a_border_that_the_data_set_draws_itself_is_taken_as_it_is(card):
    drawn = card('[regions.border]\ncolumn = "border"')
    own = square(7, 7)
    assert np.array_equal(named_regions(sample(border=own), drawn, ["border"])["border"], own)
    assert not named_regions(sample(), drawn, ["border"])["border"].any(), "it has none here"


def test_nothing_is_added_that_was_not_asked_for(card):
    given = sample(lungs=square(3, 3))
    assert set(named_regions(given, card(), [])) == {"lungs"}
    named_regions(given, card(), ["border"])
    assert set(given.regions) == {"lungs"}, "the image itself stays as it is"


def test_regions_are_known_by_reader(card):
    assert region_names(card()) == {"lungs", "marker"}
    for name, known in {
        "padchest-test": {"left-lung", "right-lung", "heart"},
        "chestxray14": {"left-lung", "right-lung", "heart"},
        "airogs": {"disc"},
    }.items():
        found = load_dataset_card(ZOO / "adapters" / f"{name}.toml")
        assert region_names(found) == known
    bare = load_dataset_card(ZOO / "adapters" / "chestxray14.toml")
    assert not region_names(bare.model_copy(update={"files": {}})), "no masks, no regions"


@pytest.mark.parametrize("name", ["phantom-cxr", "phantom-fundus"])
def test_regions_of_phantoms_are_those_that_are_drawn(name):
    card = load_dataset_card(ZOO / f"{name}.toml")
    assert set(load_dataset(card, 20).read(0).regions) == region_names(card)
