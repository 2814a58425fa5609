"""COCO files, against COCO's own library."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from datasets.masked import SHAPE, Project, same
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as codec
from pycocotools.coco import COCO

from audit_suite.datasets.mask_formats.coco import draw_polygons

KEYS = 'format = "coco"\nfile = "i.json"\ncategory = {}'
LUNG = KEYS.format('"lung"')


class Annotated(Project):
    """Two annotations of lungs and one of the heart in every image: polygons and run lengths."""

    def __init__(self, path):
        super().__init__(path)
        rng = np.random.default_rng(8)
        self.content = {
            "images": [
                {"id": 10 + i, "file_name": f"a{i}.png", "height": 24, "width": 31}
                for i in range(4)
            ],
            "categories": [
                {"id": 1, "name": "lung"},
                {"id": 2, "name": "heart"},
                {"id": 3, "name": "rib"},
            ],
            "annotations": [],
        }
        for i in range(4):
            mask = np.asfortranarray(rng.random(SHAPE) > 0.9, dtype=np.uint8)
            packed = codec.encode(mask)
            packed["counts"] = packed["counts"].decode()
            flat = [
                int(n)
                for n in np.diff([0, *np.flatnonzero(np.diff(mask.T.ravel())) + 1, mask.size])
            ]
            plain = {"size": [24, 31], "counts": [0, *flat] if mask[0, 0] else flat}
            polygons = [rng.uniform(0, 24, 10).round(2).tolist(), [1, 1, 9, 1.5, 5, 8.25]]
            for category, drawn in ((1, polygons), (1, packed), (2, plain)):
                self.content["annotations"].append(
                    {
                        "id": len(self.content["annotations"]) + 1,
                        "image_id": 10 + i,
                        "category_id": category,
                        "segmentation": drawn,
                    }
                )

    def load(self, keys, **more):
        (self.path / "i.json").write_text(json.dumps(self.content))
        return super().load(keys, **more)

    def wanted(self, *categories):
        """What COCO's library shows."""
        (self.path / "whole.json").write_text(json.dumps(self.content))
        coco = COCO(self.path / "whole.json")
        numbers = coco.getCatIds(catNms=list(categories))
        return [
            np.any(
                [coco.annToMask(a) for a in coco.loadAnns(coco.getAnnIds([10 + i], numbers))],
                axis=0,
            )
            for i in range(4)
        ]


@pytest.fixture
def own(tmp_path):
    return Annotated(tmp_path)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 31), st.floats(0, 24)), min_size=3, max_size=8),
        min_size=1,
        max_size=3,
    )
)
def test_polygons_are_drawn_as_the_library_draws_them(polygons):
    flat = [[number for point in polygon for number in point] for polygon in polygons]
    wanted = codec.decode(codec.merge(codec.frPyObjects(flat, *SHAPE))) > 0
    assert np.array_equal(draw_polygons(flat, SHAPE), wanted)


@pytest.mark.parametrize("names", [("lung",), ("heart",), ("lung", "heart")])
def test_annotations_of_categories_are_united_as_the_library_shows_them(own, names, capsys):
    same(own.masks(KEYS.format(json.dumps(names))), own.wanted(*names))


@pytest.mark.parametrize(
    "name", ["images/a{}.png", "a{}.png", "/old/a{}.png", "a{}.jpg", "C:\\x\\a{}.png"]
)
def test_images_are_known_by_path_or_name(own, name, capsys):
    for i, image in enumerate(own.content["images"]):
        image["file_name"] = name.format(i)
    same(own.masks(LUNG), own.wanted("lung"))


def test_names_that_are_alike_are_refused(own):
    for i in range(2):
        own.content["images"][i]["file_name"] = f"{i}/a0.png"
    assert "row 2, column 'image': 'regions.it' finds 2 names in its file" in own.refused(LUNG)
    for i in range(2):
        own.content["images"][i]["file_name"] = "a0.png"
    assert "i.json lists a file_name twice" in own.refused(LUNG)


def annotation(**changed):
    return lambda content: content["annotations"][0].update(changed)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (annotation(segmentation=[]), "of i.json annotation 1 has no polygon and no run lengths"),
        (annotation(segmentation=[[1, 2, 3, 4]]), "annotation 1 has a polygon that is not a list"),
        (
            annotation(segmentation=[[1, 2, 3, 4, 5]]),
            "annotation 1 has a polygon that is not a list",
        ),
        (annotation(segmentation=[[1, 2, 3, 4, 5, "x"]]), "a coordinate that is not a number"),
        (annotation(segmentation=[[1, 2, 3, 4, 5, None]]), "a coordinate that is not a number"),
        (
            annotation(segmentation=[[1, 2, 40, 4, 5, 6]]),
            "annotation 1 leaves the image of 31 x 24",
        ),
        (annotation(segmentation=[[1, 2, 3, 4, 5, 29]]), "are x and y exchanged"),
        (annotation(segmentation={"size": [24, 31], "counts": "oo"}), "counts that are cut off"),
        (annotation(segmentation={"counts": "oo", "size": 3}), "without size and counts"),
        (
            annotation(segmentation={"size": [31, 24], "counts": [0, 744]}),
            "parts of different sizes",
        ),
    ],
)
def test_one_annotation_wrong(own, break_it, said):
    break_it(own.content)
    assert said in own.bad(LUNG)


def swap_sides(content):
    for image in content["images"]:
        image.update(height=31, width=24)
    for each in content["annotations"]:
        each["segmentation"] = [[1, 1, 9, 1, 5, 9]]


def test_an_image_of_another_size(own):
    swap_sides(own.content)
    said = own.bad(LUNG)
    assert (
        "the mask is 24 x 31 pixels, the image 31 x 24: its rows and columns are exchanged" in said
    )


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (annotation(image_id=99), "annotation 1 is of an image that is not listed; add it"),
        (
            lambda c: c["images"][0].update(height=0),
            "annotation 1: its image does not say how many",
        ),
        (lambda c: c["images"][0].update(height=10**6, width=10**6), "unreasonably large"),
        (lambda c: c["images"][0].update(id=11), "two images with one id"),
        (lambda c: c.pop("categories"), "not a COCO file of instances: it lacks or misstates 'cat"),
        (lambda c: c["annotations"].append(3), "not a COCO file of instances"),
        (
            lambda c: c["annotations"].clear(),
            "row 2, column 'image': i.json has no annotation of 'reg",
        ),
        (
            lambda c: c["images"][3].update(file_name="b"),
            "row 5, column 'image': i.json has no annot",
        ),
        (lambda c: c["annotations"][0].pop("segmentation"), "misstates 'segmentation'"),
    ],
)
def test_one_thing_wrong_in_the_file(own, break_it, said):
    break_it(own.content)
    assert said in own.refused(LUNG)


def test_wrong_keys_and_files(own, monkeypatch):
    assert "has no category lungs; its categories: heart, lung, rib" in own.refused(
        KEYS.format('"lungs"')
    )
    assert "no.json does not exist; correct 'regions.it.file'" in own.refused(
        LUNG.replace("i.js", "no.js")
    )
    (own.path / "bad.json").write_text('{"images":\n[}')
    assert "bad.json cannot be read as JSON (line 2)" in own.refused(
        LUNG.replace("i.json", "bad.json")
    )
    assert "has no annotation of 'regions.it'" in own.refused(KEYS.format('"rib"'))
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    assert 'pip install "audit-suite[coco]"' in own.refused(LUNG)
    own.load(KEYS.format('"heart"'))  # run lengths need no library


def test_what_decides_the_masks_is_in_the_digest(own):
    before = own.load(LUNG).digest
    own.content["annotations"][2]["segmentation"] = {"size": [24, 31], "counts": [744]}
    assert own.load(LUNG).digest == before, "the heart is another region's"
    own.content["annotations"][0]["segmentation"][0][0] += 0.5
    assert own.load(LUNG).digest != before
