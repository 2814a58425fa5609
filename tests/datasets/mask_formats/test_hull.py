"""A region that is the convex hull of others: right by its definition, and refused by name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from datasets.masked import SHAPE, Project, regions, same
from datasets.published import ZOO, ChestXray14
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.cards import load_dataset_card
from audit_suite.datasets.regions import region_names
from audit_suite.datasets.shapes import hull_mask
from audit_suite.errors import AuditError

TWO = 'folder = "left"\n[regions.right]\nfolder = "right"\n[regions.both]\nformat = "hull"\n'
BOTH = TWO + 'of = ["it", "right"]'


def within(point, corners):
    """Whether a point lies in a triangle of points, which may be a line or a point."""
    turns = []
    for (y0, x0), (y1, x1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        turns.append((x1 - x0) * (point[0] - y0) - (y1 - y0) * (point[1] - x0))
    spans = all(
        min(c[i] for c in corners) <= point[i] <= max(c[i] for c in corners) for i in (0, 1)
    )
    return spans and (min(turns) >= 0 or max(turns) <= 0)


@settings(deadline=None)
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=5))
def test_a_pixel_belongs_if_it_lies_in_a_triangle_of_pixels_of_the_mask(pixels):
    mask = np.zeros((6, 7), bool)
    for pixel in pixels:
        mask[pixel] = True
    triangles = list(itertools.combinations_with_replacement(sorted(pixels), 3))
    wanted = [
        [any(within((row, column), corners) for corners in triangles) for column in range(7)]
        for row in range(6)
    ]
    assert np.array_equal(hull_mask(mask), np.array(wanted, bool))


@settings(deadline=None)
@given(regions())
def test_a_hull_holds_its_mask_stays_in_its_box_and_is_its_own_hull(mask):
    hull = hull_mask(mask)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = np.zeros_like(mask)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    assert not (mask & ~hull).any()
    assert not (hull & ~box).any()
    assert np.array_equal(hull_mask(hull), hull)
    for turned in (np.flipud, np.fliplr, np.transpose):
        assert np.array_equal(hull_mask(turned(mask)), turned(hull))


@pytest.fixture
def lungs(tmp_path):
    """Four images with two upright blocks as lungs, in two folders."""
    own = Project(tmp_path)
    for index in range(4):
        for side, columns in (("left", slice(3, 9)), ("right", slice(20 + index, 28))):
            mask = np.zeros(SHAPE, np.uint8)
            mask[4:20, columns] = 255
            own.image(f"{side}/a{index}.png", mask)
    return own


def test_between_two_lungs_lies_the_mediastinum(lungs):
    dataset = lungs.load(BOTH, roi=False)
    wanted = np.zeros(SHAPE, bool)
    wanted[4:20, 3:28] = True
    same([dataset.read(index).regions["both"] for index in range(4)], [wanted] * 4)


def test_one_mask_of_both_lungs_is_enough_and_the_order_of_keys_does_not_count(lungs):
    keys = 'format = "hull"\nof = ["lungs"]\n[regions.lungs]\nfiles = ["left/*", "right/*"]'
    keys = keys.replace("/*", "/{stem}.png")
    wanted = np.zeros(SHAPE, bool)
    wanted[4:20, 3:28] = True
    same(lungs.masks(keys), [wanted] * 4)


def test_what_the_hull_is_drawn_around_is_in_the_digest_and_other_cards_keep_theirs(lungs):
    digest = lungs.load(BOTH, roi=False).digest
    assert lungs.load(BOTH, roi=False).digest == digest
    assert lungs.load(BOTH.replace('"it", "right"', '"it"'), roi=False).digest != digest
    lungs.image("right/a2.png", np.full(SHAPE, 255, np.uint8))
    assert lungs.load(BOTH, roi=False).digest != digest
    (plain,) = lungs.load('folder = "left"').card.model_dump(mode="json")["regions"].values()
    assert plain == {"column": None, "value": None, "folder": "left"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('of = ["it", "rihgt"]', "key 'regions.both.of' names 'rihgt', which is no region"),
        ("of = []", "key 'regions.both.of'"),
        ("", "key 'regions.both.of': missing key"),
        ('of = "it"', "key 'regions.both.of'"),
        ('of = ["it", "it"]', "'it' is named twice"),
        ('of = ["both"]', "'regions.both' is made of 'both', which has no masks of its own"),
        (
            'of = ["third"]\n[regions.third]\nformat = "hull"\nof = ["it"]',
            "'regions.both' is made of 'third', which has no masks of its own",
        ),
        (
            'of = ["frame"]\n[regions.frame]\nformat = "drawn"\nrectangle = [0, 0, 1, 1]',
            "'regions.both' is made of 'frame', which is one region for all images",
        ),
        (
            'of = ["seen"]\n[regions.seen]\nfolder = "left"\nabsent = "population"',
            "'regions.both' is made of 'seen', which is one region for all images",
        ),
        ('of = ["it"]\nfolder = "left"', "unknown key 'folder'; regions of format 'hull' have"),
    ],
)
def test_one_thing_wrong_names_the_key(lungs, keys, said):
    assert said in lungs.refused(TWO + keys, roi=False)


def test_an_image_without_one_of_the_masks_has_no_hull(lungs):
    hull = 'format = "hull"\nof = ["left", "right"]\n[regions.left]\nfolder = "left"\n'
    hull += '[regions.right]\nfolder = "right"'
    (lungs.path / "right" / "a2.png").unlink()
    assert (
        "row 4, column 'image' (hull of left, right): the image has no mask of right"
        in lungs.refused(hull)
    )
    left_out = lungs.load(hull, top='on_bad_image = "exclude"')
    assert [case.row for case in left_out.cases] == [2, 3, 5]
    lungs.image("right/a2.png", np.zeros(SHAPE, np.uint8))
    assert "(hull of left, right): the mask is empty" in lungs.bad(hull, index=2)


def test_a_hull_around_the_lungs_that_a_reader_gives(tmp_path):
    data = ChestXray14(tmp_path)
    data.card = data.card.replace(
        'roi = ["left-lung", "right-lung"]', 'roi = ["lungs-mediastinum"]'
    )
    data.card += '[regions.lungs-mediastinum]\nformat = "hull"\nof = ["left-lung", "right-lung"]\n'
    sample = data.load().read(0)
    lungs = sample.regions["left-lung"] | sample.regions["right-lung"]
    assert np.array_equal(sample.regions["lungs-mediastinum"], hull_mask(lungs))
    assert (sample.regions["lungs-mediastinum"] & ~lungs).any()
    data.card = data.card.replace('"left-lung", "right-lung"', '"left-lung", "lungs"')
    data.write()
    with pytest.raises(AuditError, match="names 'lungs', which is no region") as caught:
        data.reload()
    assert caught.value.remedy == "regions there: heart, left-lung, right-lung"


@pytest.mark.parametrize("name", ["padchest-test", "chestxray14"])
def test_the_lines_that_published_cards_propose_load(tmp_path, name):
    text = (ZOO / f"{name}.toml").read_text(encoding="utf-8")
    proposed = [line[4:] for line in text.splitlines() if line.startswith("#   ")]
    proposed = "\n".join(proposed)
    card = text.replace('roi = ["left-lung", "right-lung"]', 'roi = ["lungs-mediastinum"]')
    (tmp_path / "card.toml").write_text(card + proposed[proposed.index("[regions") :])
    loaded = load_dataset_card(tmp_path / "card.toml")
    assert loaded.roi_regions == {"lungs-mediastinum"}
    assert loaded.as_drawn(loaded.roi_regions) == {"left-lung", "right-lung"}
    assert region_names(loaded) >= {"left-lung", "right-lung", "lungs-mediastinum"}
    assert {target.roi_margin for target in loaded.targets.values()} == {25}
