"""Run lengths: Kaggle's, CheXmask's and COCO's, against their own encoders and libraries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from datasets.masked import SHAPE, Project, regions, same
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as codec

from audit_suite.datasets.mask_formats.rle import read_counts
from audit_suite.datasets.run_lengths import decode_counts, decode_runs


def kaggle(mask):
    """As every Kaggle notebook has it: column by column, starts from 1."""
    pixels = np.concatenate([[0], mask.T.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(map(str, runs))


def coco(mask):
    return codec.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()


def listed(mask):
    """Uncompressed counts, which begin with background."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(int))) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return [0, *counts] if flat[0] else counts


@pytest.fixture
def own(tmp_path):
    return Project(tmp_path)


@settings(deadline=None)  # a busy machine is no fault
@given(regions(shape=(17, 90)))
def test_all_encodings_give_back_the_mask(mask):
    assert np.array_equal(decode_runs(kaggle(mask), 90, 17).T, mask)
    assert np.array_equal(decode_runs(kaggle(mask.T), 17, 90), mask)
    for text in (
        coco(mask),
        json.dumps(listed(mask)),
        json.dumps({"size": [17, 90], "counts": listed(mask)}),
        json.dumps({"size": [17, 90], "counts": coco(mask)}),
    ):
        assert np.array_equal(read_counts(text, (17, 90)), mask)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12))
def test_counts_are_those_of_the_library(counts):
    size = [1, max(1, sum(counts))]
    counts[-1] += size[1] - sum(counts)
    text = codec.frPyObjects({"size": size, "counts": counts}, *size)["counts"].decode()
    wanted = codec.decode({"size": size, "counts": text.encode()}) > 0
    assert np.array_equal(decode_counts(text, *size), wanted)
    assert np.array_equal(decode_counts(counts, *size), wanted)


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(max_size=30) | st.text("0123OPQaqno_`", max_size=30), st.booleans())
def test_any_text_is_a_mask_of_the_size_or_refused(text, wrapped):
    try:
        mask = read_counts(
            json.dumps({"size": [6, 7], "counts": text}) if wrapped else text, (6, 7)
        )
    except ValueError:
        return
    assert mask.shape == (6, 7)


@pytest.mark.parametrize("encoding", ["kaggle", "coco", "chexmask"])
@pytest.mark.parametrize("size", ["", "size = [24, 31]", 'size = ["h", "w"]'])
def test_a_column_of_the_manifest(own, encoding, size):
    rng = np.random.default_rng(3)
    masks = [rng.random(SHAPE) > 0.7 for _ in range(4)]
    encode = {"kaggle": kaggle, "coco": coco, "chexmask": lambda mask: kaggle(mask.T)}[encoding]
    for row, mask in zip(own.rows, masks, strict=True):
        row |= {"runs": encode(mask), "h": "24", "w": "31"}
    keys = f'format = "rle"\ncolumn = "runs"\nencoding = "{encoding}"\n{size}'
    same(own.masks(keys), masks)


@pytest.mark.parametrize("name", ["images/a{i}.png", "a{i}.png", "a{i}", "old/place/a{i}.jpg"])
def test_rows_of_a_table_are_united_and_blank_ones_passed_over(own, name):
    rng = np.random.default_rng(4)
    masks = [[rng.random(SHAPE) > 0.9 for _ in range(i + 1)] for i in range(4)]
    rows = [
        {"ImageId": name.format(i=i), "EncodedPixels": kaggle(mask), "class": "nodule"}
        for i, some in enumerate(masks)
        for mask in some
    ]
    rows += [{"ImageId": name.format(i=i), "EncodedPixels": "-1", "class": "x"} for i in range(6)]
    rows.append(rows[0] | {"class": "other", "EncodedPixels": "1 700"})
    own.table("rle.csv", rows)
    keys = (
        'format = "rle"\ntable = "rle.csv"\nimage = "ImageId"\ncolumn = "EncodedPixels"\n'
        'encoding = "kaggle"\nwhere = { class = ["nodule", "x"] }'
    )
    same(own.masks(keys), [np.any(some, axis=0) for some in masks])
    before = own.load(keys).digest
    rows[-2]["EncodedPixels"] = "1 2"  # of an image that is not audited
    own.table("rle.csv", rows)
    assert own.load(keys).digest == before
    rows[0]["EncodedPixels"] = "1 2"
    own.table("rle.csv", rows)
    assert own.load(keys).digest != before


def test_a_text_of_counts_may_begin_like_a_list():
    begun = set()
    for number in range(2000):
        size = [1, number + 1]
        packed = codec.frPyObjects({"size": size, "counts": [number, 1]}, *size)["counts"].decode()
        begun.add(packed[0])
        assert np.flatnonzero(read_counts(packed, (1, number + 1))[0]).tolist() == [number]
    assert "[" in begun


COLUMN = 'format = "rle"\ncolumn = "runs"\nencoding = "{}"\n{}'


@pytest.mark.parametrize(
    ("encoding", "runs", "said"),
    [
        ("kaggle", "1 2 3", "has a run without a length"),
        ("kaggle", "1 x", "has runs that are not whole numbers"),
        ("kaggle", "700 99", "has runs outside an image of 24 x 31 pixels"),
        ("kaggle", "5 3 4 3", "has runs that overlap"),
        ("chexmask", "700 99", "has runs outside an image of 31 x 24 pixels"),
        ("coco", "[700, 43]", "has counts of 743 pixels, but the image has 744 (31 x 24)"),
        ("coco", "[700, 45, -1]", "are not whole numbers from 0 on"),
        ("coco", "[700.0, 44]", "are not whole numbers from 0 on"),
        ("coco", "~~", "are not COCO's text"),
        ("coco", "oo", "has counts that are cut off"),
        ("coco", "[1, 2", "are not COCO's text"),
        ("coco", "[1, 2]]", "has counts that are not JSON"),
        ("coco", '{"size": [24, 31]}', "without size and counts"),
        ("coco", '{"size": [31, 24], "counts": [0, 744]}', "rows and columns are exchanged"),
        ("coco", '{"size": [1000000, 1000000], "counts": [1]}', "unreasonably large"),
        ("kaggle", "", "row 2, column 'runs': holds no runs"),
        ("kaggle", "nan", "row 2, column 'runs': holds no runs"),
    ],
)
def test_one_run_wrong(own, encoding, runs, said):
    for row in own.rows:
        row["runs"] = "1 2" if encoding != "coco" else "[742, 2]"
    own.rows[0]["runs"] = runs
    keys = COLUMN.format(encoding, "")
    text = own.refused(keys) if "no runs" in said else own.bad(keys)
    assert said in text
    assert "row 2, column 'runs'" in text


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (COLUMN.format("siim", ""), "key 'regions.it.encoding'"),
        ('format = "rle"\nencoding = "coco"', "key 'regions.it.column': missing key"),
        (COLUMN.format("coco", "size = [0, 3]"), "key 'regions.it.size"),
        (COLUMN.format("coco", 'where = { a = "b" }'), "has where or match, which select rows"),
        (COLUMN.format("coco", "").replace("runs", "run"), "no such column"),
        (COLUMN.format("coco", 'table = "no.csv"'), "no.csv does not exist; correct the keys"),
        (COLUMN.format("coco", 'table = "t.csv"'), "names ['image']: no such column in /t.csv"),
        (
            COLUMN.format("coco", 'table = "t.csv"\nimage = "name"\nwhere = { kind = "lungs" }'),
            "no row has kind = lungs; the column holds heart, lung",
        ),
        (
            COLUMN.format("coco", 'table = "t.csv"\nimage = "name"\nsize = ["h", "h"]'),
            "t.csv row 2, column 'h': is not a height or width",
        ),
        (
            COLUMN.format("coco", 'table = "t.csv"\nimage = "name"\nmatch = "{uid}"'),
            "names {uid}, which images do not have",
        ),
        (
            COLUMN.format("coco", 'table = "t.csv"\nimage = "name"'),
            "row 3, column 'image': t.csv has no row of 'regions.it' for the image",
        ),
    ],
)
def test_one_thing_wrong_in_the_keys(own, keys, said):
    for row in own.rows:
        row["runs"] = "[742, 2]"
    rows = [
        {"name": "a0", "runs": "[742, 2]", "h": "?", "kind": "heart"},
        {"name": "a0", "runs": "[742, 2]", "h": "1", "kind": "lung"},
    ]
    own.table("t.csv", rows)
    assert said in own.refused(keys)


def test_names_that_are_alike_are_refused_and_told_apart_by_folder_or_column(own):
    keys = 'format = "rle"\ntable = "t.csv"\ncolumn = "runs"\nencoding = "coco"'
    rows = [{"image": f"a{i}.png", "runs": f"[{740 - i}, {4 + i}]"} for i in range(4)]
    elsewhere = [{"image": f"{folder}/a0.png", "runs": "[0, 744]"} for folder in ("b", "c")]
    own.table("t.csv", [*rows[1:], *elsewhere])
    assert "'regions.it' finds 2 names in its file that could mean this" in own.refused(keys)
    for name in ("a0.png", "images/a0.png", "d/images/a0.png"):
        own.table("t.csv", [rows[0] | {"image": name}, *rows[1:], *elsewhere])
        assert [mask.sum() for mask in own.masks(keys)] == [4, 5, 6, 7]
    own.table("t.csv", rows)
    own.image("b/a0.png", np.full(SHAPE, 7, np.uint8))
    own.rows.append({"image": "b/a0.png", "patient_id": "secret-9", "sick": "0"})
    assert "has one mask for the images of rows 2 and 6" in own.refused(keys)
    for i, row in enumerate(own.rows):
        row["uid"] = f"1.2.{i}"
    own.table("t.csv", [{"image": f"1.2.{i}", "runs": f"[{740 - i}, {4 + i}]"} for i in range(5)])
    assert [mask.sum() for mask in own.masks(f'{keys}\nmatch = "{{uid}}"')] == [4, 5, 6, 7, 8]


def test_a_part_that_is_wrong_is_named(own):
    rows = [{"image": f"a{i}.png", "runs": "[740, 4]"} for i in range(4)]
    own.table("t.csv", [*rows, {"image": "a1.png", "runs": "[740, 5]"}])
    keys = 'format = "rle"\ntable = "t.csv"\ncolumn = "runs"\nencoding = "coco"'
    assert "row 3, column 'image': the mask of t.csv row 6 has counts of 745" in own.bad(keys, 1)
