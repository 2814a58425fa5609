"""Polygons of LabelMe and CheXlocalize, drawn as their publishers draw them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from datasets.masked import SHAPE, Project, same
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pycocotools import mask as codec

from audit_suite.datasets.mask_formats.labelme import read_labelme
from audit_suite.datasets.shapes import polygon_mask

point = st.tuples(st.floats(0, 31), st.floats(0, 24))
LABELME = 'format = "labelme"\nfolder = "labels"\nlabel = {}'
LUNG = LABELME.format('"lung"')
CHEX = 'format = "chexlocalize"\nfile = "gt.json"\nfinding = {}'
EDEMA = CHEX.format('"Edema"')


def labelme_mask(shapes):
    """labelme.utils.shape_to_mask, as published (Wada, version 5)."""
    whole = np.zeros(SHAPE, bool)
    for shape in shapes:
        picture = Image.fromarray(np.zeros(SHAPE, np.uint8))
        draw = ImageDraw.Draw(picture)
        xy = [tuple(each) for each in shape["points"]]
        if shape["shape_type"] == "circle":
            (cx, cy), (px, py) = xy
            d = math.sqrt((cx - px) ** 2 + (cy - py) ** 2)
            draw.ellipse([cx - d, cy - d, cx + d, cy + d], outline=1, fill=1)
        elif shape["shape_type"] == "rectangle":
            draw.rectangle(xy, outline=1, fill=1)
        else:
            draw.polygon(xy=xy, outline=1, fill=1)
        whole |= np.array(picture, bool)
    return whole


def chexlocalize_mask(polygons, size):
    """create_mask of CheXlocalize's annotation_to_segmentation.py."""
    picture = Image.new("1", (size[1], size[0]))
    for polygon in polygons:
        ImageDraw.Draw(picture).polygon([(p[0], p[1]) for p in polygon], outline=1, fill=1)
    return np.array(picture) > 0


@pytest.fixture
def own(tmp_path):
    return Project(tmp_path)


def lung(points=((2, 3), (20, 4.5), (11, 20)), kind="polygon", label="lung"):
    return {"label": label, "points": [list(p) for p in points], "shape_type": kind}


def label(project, shapes, index=None, **more):
    content = {"shapes": shapes, "imageHeight": 24, "imageWidth": 31, "imageData": None, **more}
    (project.path / "labels").mkdir(exist_ok=True)
    for i in range(4) if index is None else [index]:
        (project.path / f"labels/a{i}.json").write_text(json.dumps(content))


SHAPES = st.one_of(
    st.lists(point, min_size=3, max_size=8).map(lung),
    st.tuples(point, point)
    .map(lambda ends: [tuple(map(f, zip(*ends, strict=True))) for f in (min, max)])
    .map(lambda ends: lung(ends, "rectangle")),
    st.tuples(point, point).map(lambda ends: lung(ends, "circle")),
)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(SHAPES, max_size=4))
def test_shapes_are_drawn_as_labelme_draws_them(tmp_path_factory, shapes):
    path = tmp_path_factory.getbasetemp() / "shapes.json"
    other = lung(label="heart")
    path.write_text(json.dumps({"shapes": [*shapes, other], "imageHeight": 24, "imageWidth": 31}))
    assert np.array_equal(read_labelme(path, ["lung"]), labelme_mask(shapes))


def test_labels_of_a_card_are_united(own):
    other = lung(((25, 3), (29, 3), (29, 8)), label="left lung")
    label(own, [lung(), other, lung(label="heart")])
    same(own.masks(LUNG), [labelme_mask([lung()])] * 4)
    same(own.masks(LABELME.format('["lung", "left lung"]')), [labelme_mask([lung(), other])] * 4)
    corner = lung(((20, 10), (2, 3)), "rectangle")  # drawn from the lower right
    label(own, [corner])
    same(own.masks(LUNG), [labelme_mask([lung(((2, 3), (20, 10)), "rectangle")])] * 4)


@pytest.mark.parametrize(
    ("shapes", "more", "said"),
    [
        ([], {}, "the mask is empty"),
        ([lung(label="heart")], {}, "the mask is empty"),
        ([lung(((1, 2), (3, 4)))], {}, "has a shape 1 that has a polygon of 2 points"),
        ([lung(), lung(((1, 2), (3, 4), (40, 4)))], {}, "has a shape 2 that leaves the image"),
        ([lung(((1, 2), (3, 29), (20, 4)))], {}, "are x and y exchanged"),
        ([lung(((1, 2), (3, 4)), "line")], {}, "has a shape 1 that is of the type 'line': draw"),
        ([lung(((1, 2), (3, 4), (4, 5)), "circle")], {}, "a circle of 3 points instead of two"),
        ([lung(((1, float("nan")), (3, 4), (4, 5)))], {}, "a coordinate that is not a number"),
        ([{"label": "lung"}], {}, "has a shape 1 without label, points or type"),
        ([3], {}, "has a shape 1 without label, points or type"),
        ([lung()], {"imageHeight": 31, "imageWidth": 24}, "its rows and columns are exchanged"),
        ([lung()], {"imageHeight": None}, "does not say how many rows and columns"),
        ([lung()], {"imageHeight": 10**9}, "claims to be unreasonably large"),
    ],
)
def test_one_shape_wrong(own, shapes, more, said):
    label(own, [lung()])
    label(own, shapes, 1, **more)
    assert said in own.bad(LUNG, 1)


def test_one_file_of_labelme_wrong(own):
    label(own, [lung()])
    for text in ("{", "[]", '{"shapes": []}', "[" * 9000):
        (own.path / "labels/a1.json").write_text(text)
        assert "the mask is not a JSON file of LabelMe" in own.bad(LUNG, 1)
    assert "key 'regions.it.label': missing key" in own.refused(
        'format = "labelme"\nfolder = "labels"'
    )


# CheXlocalize


def gt(project, content):
    (project.path / "gt.json").write_text(json.dumps(content))


def contours(seed):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 24, (n, 2)).round(2).tolist() for n in (5, 3)]


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.lists(point, min_size=3, max_size=8), min_size=1, max_size=3))
def test_contours_are_drawn_as_chexlocalize_draws_them(polygons):
    assert np.array_equal(polygon_mask(polygons, SHAPE), chexlocalize_mask(polygons, SHAPE))


def test_contours_by_finding(own):
    content = {
        f"a{i}": {"img_size": [24, 31], "Edema": contours(i), "Atelectasis": contours(9)}
        for i in range(4)
    }
    gt(own, content)
    wanted = [chexlocalize_mask(contours(i), SHAPE) for i in range(4)]
    same(own.masks(EDEMA), wanted)
    other = chexlocalize_mask(contours(9), SHAPE)
    same(own.masks(CHEX.format('["Edema", "Atelectasis"]')), [mask | other for mask in wanted])
    before = own.load(EDEMA).digest
    content["a3"]["Edema"][0][0][0] += 1
    gt(own, content)
    assert own.load(EDEMA).digest != before


def test_run_lengths_by_finding_and_images_known_by_patient_study_and_view(own):
    masks = [np.random.default_rng(i).random(SHAPE) > 0.5 for i in range(4)]
    content = {}
    for i, mask in enumerate(masks):
        name = f"valid/patient{i}/study1/view1_frontal.png"
        own.image(name, np.full(SHAPE, i, np.uint8))
        own.rows[i]["image"] = name
        counts = codec.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
        content[f"patient{i}_study1_view1_frontal"] = {
            "Edema": {"size": [24, 31], "counts": counts}
        }
    gt(own, content)
    same(own.masks(EDEMA), masks)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"img_size": [24, 31], "Edema": [[[1, 2], [3, 4]]]},
            "gt.json, 'Edema' has a polygon of 2",
        ),
        (
            {"img_size": [24, 31], "Edema": [[[1, 2], [3, 4], [40, 3]]]},
            "leaves the image of 31 x 24",
        ),
        ({"img_size": [24, 31], "Edema": [[1, 2], [3, 4]]}, "is not a list of points x, y"),
        ({"img_size": [31, 24], "Edema": contours(1)}, "its rows and columns are exchanged"),
        ({"Edema": contours(1)}, "does not give the size of its image"),
        ({"Edema": {"counts": "x"}}, "without size and counts"),
    ],
)
def test_one_outline_wrong(own, content, said):
    gt(
        own,
        {f"a{i}": {"img_size": [24, 31], "Edema": contours(1)} for i in range(4)} | {"a1": content},
    )
    assert said in own.bad(EDEMA, 1)


def test_one_outline_for_two_images_is_refused(own):
    gt(own, {f"a{i}": {"img_size": [24, 31], "Edema": contours(1)} for i in range(4)})
    own.image("b/a0.png", np.full(SHAPE, 7, np.uint8))
    own.rows.append({"image": "b/a0.png", "patient_id": "secret-9", "sick": "0"})
    assert "has one mask for the images of rows 2 and 6" in own.refused(EDEMA)
    for i, row in enumerate(own.rows):
        row["known"] = f"a{i % 4}-{i}"
    gt(own, {f"a{i % 4}-{i}": {"img_size": [24, 31], "Edema": contours(i)} for i in range(5)})
    masks = own.masks(f'{EDEMA}\nmatch = "{{known}}"')
    same(masks, [chexlocalize_mask(contours(i), SHAPE) for i in range(5)])


def test_one_file_of_chexlocalize_wrong(own):
    good = {f"a{i}": {"img_size": [24, 31], "Edema": contours(1)} for i in range(4)}
    gt(own, good)
    assert "has no finding Oedema; its findings: Edema" in own.refused(CHEX.format('"Oedema"'))
    for wrong in ([], {"a0": 3}):
        gt(own, wrong)
        assert "is not a file of CheXlocalize" in own.refused(EDEMA)
    gt(own, good | {"a1": {"img_size": [24, 31]}})
    assert "row 3, column 'image': gt.json has no outline of 'regions.it'" in own.refused(EDEMA)
