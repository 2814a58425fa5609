"""Boxes of tables, against brute force over the centres of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from datasets.masked import SHAPE, Project, same
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.datasets.shapes import box_mask, centres_mask

NIH = """format = "boxes"
table = "BBox_List.csv"
image = "Image Index"
columns = ["Bbox [x", "y", "w", "h]"]
box = "xywh"
where = { "Finding Label" = "Cardiomegaly" }
"""
RSNA = """format = "boxes"
table = "labels.csv"
image = "patientId"
columns = ["x", "y", "width", "height"]
box = "xywh"
"""
VINDR = """format = "boxes"
table = "annotations.csv"
image = "image_id"
columns = ["x_min", "y_min", "x_max", "y_max"]
box = "xyxy"
where = { class_name = ["Cardiomegaly", "Aortic enlargement"] }
"""
WHOLE = """format = "boxes"
table = "t.csv"
columns = ["a", "b", "c", "d"]
box = "{}"
{}
"""


@pytest.fixture
def own(tmp_path):
    return Project(tmp_path)


def brute(box, shape=SHAPE):
    left, top, right, bottom = box
    return np.array(
        [
            [left <= c + 0.5 < right and top <= r + 0.5 < bottom for c in range(shape[1])]
            for r in range(shape[0])
        ]
    )


def edges(last):
    two = st.tuples(*[st.floats(-1, last, width=32)] * 2)
    return two.map(sorted).filter(lambda pair: pair[0] < pair[1])


@settings(deadline=None)  # a busy machine is no fault
@given(edges(32), edges(25))
def test_a_box_takes_the_pixels_whose_centres_lie_in_it(across, down):
    box = (across[0], down[0], across[1], down[1])
    wanted = brute(box)
    if wanted.any():
        assert np.array_equal(box_mask(box, SHAPE), wanted)
    else:
        with pytest.raises(ValueError, match="no pixel's centre"):
            box_mask(box, SHAPE)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(
        st.tuples(st.floats(0, 31, width=32), st.floats(0, 24, width=32)), min_size=3, max_size=9
    )
)
def test_a_drawn_polygon_takes_the_pixels_whose_centres_lie_in_it(points):
    def inside(x, y):
        crossings = 0
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if min(y0, y1) <= y < max(y0, y1):
                crossings += x >= x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        return crossings % 2 == 1

    wanted = [[inside(c + 0.5, r + 0.5) for c in range(SHAPE[1])] for r in range(SHAPE[0])]
    assert np.array_equal(centres_mask(points, SHAPE), wanted)


def test_nih_boxes_of_one_finding(own):
    rows = [
        {
            "Image Index": f"a{i}.png",
            "Finding Label": name,
            "Bbox [x": 3.2 + i,
            "y": 4,
            "w": w,
            "h]": 9,
        }
        for i in range(4)
        for name, w in (("Cardiomegaly", 10), ("Mass", 3))
    ]
    own.table("BBox_List.csv", rows)
    same(own.masks(NIH), [brute((3.2 + i, 4, 13.2 + i, 13)) for i in range(4)])


def test_rsna_boxes_of_which_some_rows_are_blank(own):
    blank = {"x": "", "y": "", "width": "", "height": "", "Target": 0}
    box = {"x": 1, "y": 2, "width": 5.5, "height": 6, "Target": 1}
    other = {"x": 20, "y": 2, "width": 5, "height": 6, "Target": 1}
    rows = [{"patientId": f"a{i}", **each} for i in (1, 3) for each in (box, other)]
    own.table("labels.csv", [{"patientId": "a0", **blank}, *rows, {"patientId": "a2", **blank}])
    assert "row 2, column 'image': labels.csv has no row of 'regions.it'" in own.refused(RSNA)
    masks = own.masks(RSNA, roi=False)
    assert masks[0] is None
    same([masks[1], masks[3]], [brute((1, 2, 6.5, 8)) | brute((20, 2, 25, 8))] * 2)


def test_vindr_boxes_of_several_readers_are_united(own):
    rows = [
        {
            "image_id": f"a{i}", "class_name": name, "rad_id": reader,
            "x_min": 2 + reader, "y_min": 3, "x_max": 12 + reader, "y_max": 14,
        }
        for i in range(4)
        for reader, name in enumerate(["Cardiomegaly", "Cardiomegaly", "Aortic enlargement"])
    ]  # fmt: skip
    rows.append(
        rows[0]
        | {"class_name": "No finding", **dict.fromkeys(["x_min", "y_min", "x_max", "y_max"], "")}
    )
    own.table("annotations.csv", rows)
    same(own.masks(VINDR), [brute((2, 3, 14, 14))] * 4)


@pytest.mark.parametrize(
    ("box", "more", "cells"),
    [
        ("xyxy", 'units = "fraction"', (0.2, 0.25, 0.8, 0.75)),
        ("xywh", 'units = "fraction"', (0.2, 0.25, 0.6, 0.5)),
        ("xyxy", "size = [1000, 2000]", (400, 250, 1600, 750)),
        ("xywh", 'size = ["h", "w"]', (400, 250, 1200, 500)),
    ],
)
def test_boxes_in_fractions_or_drawn_on_larger_images(own, box, more, cells):
    row = dict(zip("abcd", cells, strict=True)) | {"h": "1000", "w": "2000.0"}
    own.table("t.csv", [{"image": f"a{i}.png", **row} for i in range(4)])
    same(own.masks(WHOLE.format(box, more)), [brute((6.2, 6, 24.8, 18))] * 4)


@pytest.mark.parametrize(
    ("box", "cells", "said"),
    [
        ("xyxy", (5, 5, 40, 9), "leaves the image of 31 x 24 pixels (x 5 to 40, y 5 to 9): was it"),
        (
            "xyxy",
            (2, 5, 9, 30),
            "leaves the image of 31 x 24 pixels (x 2 to 9, y 5 to 30): are x and y",
        ),
        ("xyxy", (-3, 5, 9, 9), "leaves the image of 31 x 24 pixels (x -3 to 9"),
        (
            "xyxy",
            (9, 5, 5, 9),
            "has a box without an area (from 9, 5 to 5, 9): are width and height",
        ),
        ("xywh", (9, 5, 0, 9), "has a box without an area"),
        ("xyxy", (9.6, 5, 10.4, 9), "holds no pixel's centre"),
    ],
)
def test_one_box_wrong(own, box, cells, said):
    rows = [{"image": f"a{i}.png", "a": 1, "b": 1, "c": 9, "d": 9} for i in range(4)]
    rows[2] |= dict(zip("abcd", cells, strict=True))
    own.table("t.csv", rows)
    text = own.bad(WHOLE.format(box, ""), 2)
    assert said in text
    assert "row 4, column 'image': the mask of t.csv row 4 " in text


@pytest.mark.parametrize(
    ("keys", "cell", "said"),
    [
        (WHOLE.format("xyxy", ""), "x", "t.csv row 2, column 'b': is not a number"),
        (WHOLE.format("xyxy", ""), "", "t.csv row 2, column 'b': is not a number"),
        (WHOLE.format("xyxy", ""), "inf", "t.csv row 2, column 'b': is not a number"),
        (WHOLE.format("cxcywh", ""), "1", "key 'regions.it.box'"),
        (WHOLE.format("xyxy", 'units = "fraction"\nsize = [9, 9]'), "1", "has a size, which boxes"),
        (WHOLE.format("xyxy", "").replace('"d"', '"e"'), "1", "names ['e']: no such column"),
        (WHOLE.format("xyxy", 'where = { k = "x" }'), "1", "names ['k']: no such column"),
        (WHOLE.format("xyxy", "").replace('"c", ', ""), "1", "key 'regions.it.columns"),
        ('format = "boxes"\n', "1", "key 'regions.it.table': missing key"),
    ],
)
def test_one_thing_wrong_in_the_keys_or_cells(own, keys, cell, said):
    rows = [{"image": f"a{i}.png", "a": 1, "b": 1, "c": 9, "d": 9} for i in range(4)]
    rows[0]["b"] = cell
    own.table("t.csv", rows)
    assert said in own.refused(keys)


def test_a_filter_without_a_row_lists_few_values_and_never_as_many_as_names(own):
    rows = [
        {"image": f"a{i}.png", "a": 1, "b": 1, "c": 9, "d": 9, "k": f"secret-{i}"}
        for i in range(30)
    ]
    own.table("t.csv", rows)
    assert "compare the spelling" in own.refused(WHOLE.format("xyxy", 'where = { k = "x" }'))
