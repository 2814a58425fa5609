"""Regions that all images share: drawn in the frame, or the population's of those that have one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from datasets.masked import Project, same
from hypothesis import given, settings
from hypothesis import strategies as st
from needs.evidence import cell, findings
from PIL import Image

from audit_suite.datasets.files.masks import MaskFile
from audit_suite.datasets.files.population import COMMON, Population
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile
from audit_suite.evidence.store import EvidenceStore
from audit_suite.verdict import Verdict

RECTANGLE = 'format = "drawn"\nrectangle = [0.1, 0.25, 0.6, 0.75]'
TRIANGLE = 'format = "drawn"\npolygon = [[0.1, 0.2], [0.9, 0.3], [0.4, 0.95]]'
BOXES = (
    'format = "boxes"\ntable = "b.csv"\ncolumns = ["x", "y", "w", "h"]\nbox = "xywh"\n'
    'absent = "population"'
)


@pytest.fixture
def own(tmp_path):
    return Project(tmp_path)


def centres(shape):
    height, width = shape
    return np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)


def resize(project, index, shape):
    project.image(f"images/a{index}.png", np.full(shape, index, np.uint8))


# Drawn


def test_a_rectangle_and_a_polygon_are_the_same_share_of_every_frame(own):
    shapes = [(24, 31), (240, 310), (100, 100), (37, 500)]
    for index, shape in enumerate(shapes):
        resize(own, index, shape)
    for mask, shape in zip(own.masks(RECTANGLE), shapes, strict=True):
        x, y = centres(shape)
        assert np.array_equal(mask, (x >= 0.1) & (x < 0.6) & (y >= 0.25) & (y < 0.75))
    for mask, shape in zip(own.masks(TRIANGLE), shapes, strict=True):
        x, y = centres(shape)
        inside = y > 0.2 + (x - 0.1) * 0.125  # below the upper edge
        inside &= (y - 0.2) * 0.3 < (x - 0.1) * 0.75  # right of the left edge
        inside &= (y - 0.3) * -0.5 > (x - 0.9) * 0.65  # left of the right edge
        assert np.array_equal(mask, inside)


def test_what_is_drawn_decides_the_digest(own):
    digests = {
        own.load(keys).digest for keys in (RECTANGLE, TRIANGLE, RECTANGLE.replace("0.6", "0.61"))
    }
    assert len(digests) == 3
    dataset = own.load(RECTANGLE)
    assert dataset.card.one_region_for_all == {"it"}
    (note,) = dataset.notes
    assert "region 'it' is drawn once in the frame of all images" in note


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "rectangle = [0.1, 0.2, 0.1, 0.4]",
            "'regions.it.rectangle': is [left, top, right, bottom]",
        ),
        ("rectangle = [0.1, 0.2, 0.4, 1.4]", "key 'regions.it.rectangle.3'"),
        ("rectangle = [10, 20, 40, 60]", "key 'regions.it.rectangle.0'"),
        ("rectangle = [0.1, 0.2, 0.3]", "key 'regions.it.rectangle.3': missing key"),
        ("polygon = [[0.1, 0.2], [0.3, 0.4]]", "key 'regions.it.polygon'"),
        ("polygon = [[0.1, 0.2], [0.3, 0.4], [0.5]]", "key 'regions.it.polygon.2.1'"),
        ("", "needs either rectangle or polygon; `audit-suite region draw` makes one"),
        (
            RECTANGLE.split("\n")[1] + "\n" + TRIANGLE.split("\n")[1],
            "needs either rectangle or polygon",
        ),
        (
            RECTANGLE.split("\n")[1] + '\nabsent = "population"',
            "'regions.it': unknown key 'absent'; regions of format 'drawn' have",
        ),
    ],
)
def test_one_thing_wrong_in_a_drawing(own, keys, said):
    assert said in own.refused(f'format = "drawn"\n{keys}')


def test_a_drawing_that_is_smaller_than_a_pixel(own):
    said = own.bad('format = "drawn"\nrectangle = [0.5, 0.5, 0.501, 0.501]')
    assert "row 2, column 'image': the mask has a box that holds no pixel's centre" in said
    assert "the mask is empty" in own.bad(
        'format = "drawn"\npolygon = [[0.5, 0.5], [0.501, 0.5], [0.5, 0.501]]'
    )


# The population's


def boxes(project, *rows):
    keys = ("image", "x", "y", "w", "h")
    project.table(
        "b.csv", [dict(zip(keys, (f"a{row[0]}.png", *row[1:]), strict=True)) for row in rows]
    )


def test_without_the_key_images_without_a_box_are_refused_with_the_way_out(own):
    boxes(own, (1, 4, 4, 9, 9), (3, 8, 4, 9, 9))
    keys = BOXES.replace('absent = "population"', "")
    assert "row 2, column 'image': b.csv has no row of 'regions.it' for the image" in own.refused(
        keys
    )
    said = own.refused(keys, top='on_bad_image = "exclude"')
    assert "target 'sick' has only label 1" in said, "what is left has one class"


def test_all_images_get_the_union_whether_they_have_a_box_or_not(own):
    own_shape = (48, 62)
    resize(own, 2, own_shape)
    boxes(own, (1, 4, 6, 9, 6), (3, 8, 9, 16, 9))
    small = np.zeros((24, 31), bool)
    small[6:12, 4:13] = small[9:18, 8:24] = True
    masks = own.masks(BOXES)
    same([masks[i] for i in (0, 1, 3)], [small] * 3)
    same([masks[2]], [np.kron(small, np.ones((2, 2))) > 0])
    dataset = own.load(BOXES)
    assert dataset.card.one_region_for_all == dataset.card.shared_regions == {"it"}
    (note,) = dataset.notes
    assert "region 'it' is one for all images, of the 2 of 4 that have a mask of their own" in note


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 14), st.integers(1, 10), st.integers(1, 9)),
        min_size=1,
        max_size=4,
    )
)
def test_no_pixel_of_a_mask_is_missing_from_the_population(tmp_path_factory, drawn):
    own = Project(tmp_path_factory.mktemp("union"))
    boxes(own, *((i, *box) for i, box in enumerate(drawn)))
    union = np.zeros((24, 31), bool)
    for x, y, w, h in drawn:
        union[y : y + h, x : x + w] = True
    for mask in own.masks(BOXES):
        assert np.array_equal(mask & union, union)
        grown = np.pad(union, 1)
        near = sum(np.roll(grown, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) > 0
        assert not (mask & ~near[1:-1, 1:-1]).any(), "and no further than a place of the grid"


def test_places_of_fewer_than_one_in_a_hundred_masks_are_left_out(tmp_path):
    sources = []
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(image)
    for name, rows in (("common", slice(0, 8)), ("rare", slice(8, 16))):
        mask = np.zeros((16, 16), np.uint8)
        mask[rows] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
        sources.append(MaskFile(str(tmp_path / f"{name}.png"), "row 2"))
    common, rare = ((image, source) for source in sources)
    assert COMMON == 0.01
    assert Population("x", [common] * 99 + [rare]).at((16, 16)).all()
    assert Population("x", [common] * 100 + [rare]).at((16, 16)).sum() == 128


def test_empty_masks_are_no_masks_and_the_population_is_the_same_in_all_threads(own):
    for i in range(4):
        mask = np.zeros((24, 31), np.uint8)
        mask[5:9, 6:9] = 255 * (i % 2)
        own.image(f"m/a{i}.png", mask)
    dataset = own.load('folder = "m"\nabsent = "population"')
    with ThreadPoolExecutor(4) as pool:
        masks = [sample.regions["it"] for sample in pool.map(dataset.read, range(4))]
    wanted = np.zeros((24, 31), bool)
    wanted[5:9, 6:9] = True
    same(masks, [wanted] * 4)


def test_each_mask_is_in_the_digest_and_so_is_the_choice(own):
    boxes(own, (1, 4, 6, 9, 6), (3, 8, 9, 16, 9))
    before = own.load(BOXES).digest
    boxes(own, (1, 4, 6, 9, 6), (3, 8, 9, 16, 10))
    assert own.load(BOXES).digest != before
    boxes(own, (1, 4, 6, 9, 6), (3, 8, 9, 16, 9), (0, 4, 6, 9, 6))
    assert own.load(BOXES).digest != before
    assert own.load(BOXES, roi=False).digest != own.load(BOXES.rsplit("\n", 1)[0], roi=False).digest


def test_one_wrong_mask_is_named_whichever_image_is_read(own):
    boxes(own, (1, 4, 6, 9, 6), (3, 8, 9, 40, 9))
    dataset = own.load(BOXES, top='on_bad_image = "exclude"')
    for index in range(4):
        with pytest.raises(AuditError) as caught:
            dataset.read(index)
        said = own.said(caught.value)
        assert "/card.toml: regions.it: row 5, column 'image': " in said
        assert "mask of b.csv row 3 leaves the image of 31 x 24" in said


def test_no_mask_at_all(own):
    boxes(own, (9, 4, 6, 9, 6))
    assert "no image has a mask of 'regions.it', so there is no population" in own.refused(BOXES)
    for i in range(4):
        own.image(f"m/a{i}.png", np.zeros((24, 31), np.uint8))
    with pytest.raises(AuditError, match="all masks are empty"):
        own.masks('folder = "m"\nabsent = "population"')
    for i in range(4):
        own.image(f"m/a{i}.png", np.eye(31, 24, dtype=np.uint8))
    with pytest.raises(AuditError, match=r"row 2.*the mask is 24 x 31 pixels, the image 31 x 24"):
        own.masks('folder = "m"\nabsent = "population"')


# What C14 makes of them


class Source:
    profile = EvidenceProfile(device="cpu", threads=1)

    def __init__(self, folder, dataset):
        self.store, self.loaded = EvidenceStore(folder / "store"), dataset

    def dataset(self, card):
        return self.loaded


def c14(folder, project, keys):
    dataset = project.load(keys)
    here = Cell(cell(folder).model, (None,), dataset.card, "sick")
    ((_, finding, recorded),) = findings("C14", here, Source(folder, dataset))
    return finding, recorded


@pytest.mark.parametrize("keys", [RECTANGLE, TRIANGLE, BOXES])
def test_one_region_for_all_is_no_copy_also_in_frames_of_several_sizes(tmp_path, keys):
    own = Project(tmp_path, number=40)
    rng = np.random.default_rng(3)
    for i in range(40):
        own.image(f"images/a{i}.png", rng.integers(0, 255, (24 + i % 2 * 10, 31), np.uint8))
    boxes(own, *((i, 4, 6, 9, 6) for i in range(1, 40, 2)))
    finding, recorded = c14(tmp_path, own, keys)
    assert finding.verdict is Verdict.PASS
    assert len(recorded.comparisons) == 5, "there is no image that it was drawn on to fit"
    frame = 'format = "drawn"\nrectangle = [0, 0, 1, 1]'
    assert c14(tmp_path, own, frame)[0].verdict is Verdict.FAIL


def test_copied_mask_files_are_found_as_before(tmp_path):
    own = Project(tmp_path, number=40)
    mask = np.zeros((24, 31), np.uint8)
    for i in range(40):
        mask[4 + i // 2 % 4, 5] = 255 * (i % 2 == 0)
        mask[8:16, 7:20] = 255
        own.image(f"m/a{i}.png", mask)
    assert c14(tmp_path, own, 'folder = "m"')[0].verdict is not Verdict.PASS
