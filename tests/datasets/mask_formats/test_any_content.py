"""Whatever stands in the files of masks: it is a mask of the image's size, or an AuditError."""

from __future__ import annotations

import copy
import json
import os

import nibabel
import numpy as np
import pytest
from datasets.mask_formats.test_dicom_seg import Segmented
from datasets.masked import SHAPE, Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_suite.errors import AuditError

fuzzed = settings(
    max_examples=int(os.environ.get("AUDIT_FUZZ", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.lists(st.integers(-9, 99) | st.none(), max_size=7)
    | st.dictionaries(st.sampled_from(["counts", "size", "id"]), st.integers(), max_size=2)
)
POINTS = [[1, 2], [20, 3], [9, 20]]
FILES = {
    "coco": (
        'file = "x.json"\ncategory = "lung"',
        {
            "images": [
                {"id": i, "file_name": f"a{i}.png", "height": 24, "width": 31} for i in range(4)
            ],
            "categories": [{"id": 1, "name": "lung"}],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1, "segmentation": segmentation}
                for i, segmentation in enumerate(
                    [[[1, 2, 20, 3, 9, 20]], {"size": [24, 31], "counts": [4, 740]}] * 2
                )
            ],
        },
    ),
    "chexlocalize": (
        'file = "x.json"\nfinding = "Edema"',
        {f"a{i}": {"img_size": [24, 31], "Edema": [POINTS]} for i in range(4)},
    ),
    "labelme": (
        'files = "x.json"\nlabel = "lung"',
        {
            "shapes": [{"label": "lung", "points": POINTS, "shape_type": "polygon"}],
            "imageHeight": 24,
            "imageWidth": 31,
        },
    ),
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("any"))


def read(project, keys):
    """Masks as they must be, or an error for people."""
    try:
        dataset = project.load(keys)
    except AuditError as error:
        project.said(error)
        return
    for i in range(4):
        try:
            mask = dataset.read(i).regions["it"]
        except AuditError as error:
            project.said(error)
        else:
            assert mask.shape == SHAPE
            assert mask.any()


def places(content, path=()):
    """Every place in nested lists and objects."""
    yield path
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inner:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


def replaced(content, path, odd):
    if not path:
        return odd
    changed = copy.deepcopy(content)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return changed


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(st.data())
def test_anything_in_a_json_file(own, name, data):
    keys, content = FILES[name]
    path = data.draw(st.sampled_from(list(places(content))))
    (own.path / "x.json").write_text(json.dumps(replaced(content, path, data.draw(ODD))))
    read(own, f'format = "{name}"\n{keys}')


@fuzzed
@given(st.data())
def test_anything_in_a_cell(own, data):
    encoding = data.draw(st.sampled_from(["kaggle", "coco", "chexmask"]))
    cells = st.text('0123456789 []{}:,"sizecount', max_size=20) | st.text(max_size=9)
    cells = cells.map(lambda text: text.replace("\0", "").replace("\r", ""))
    good = "[4, 740]" if encoding == "coco" else "3 9"
    for row in own.rows:
        row["runs"] = good
    own.rows[0]["runs"] = data.draw(cells)
    read(own, f'format = "rle"\ncolumn = "runs"\nencoding = "{encoding}"')
    for row in own.rows:
        del row["runs"]
    rows = [{"image": f"a{i}", "a": "1", "b": "2", "c": "9", "d": "9"} for i in range(4)]
    rows[0][data.draw(st.sampled_from("abcd"))] = data.draw(st.floats().map(str) | cells)
    own.table("b.csv", rows)
    shape = data.draw(st.sampled_from(["xyxy", "xywh"]))
    read(own, f'format = "boxes"\ntable = "b.csv"\ncolumns = ["a", "b", "c", "d"]\nbox = "{shape}"')


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """Files of every binary format, and what they hold."""
    own = Segmented(tmp_path_factory.mktemp("binary"))
    mask = own.lungs[0]
    np.save(own.path / "x.npy", mask)
    np.savez_compressed(own.path / "x.npz", mask)
    nibabel.save(nibabel.Nifti1Image(mask.T.astype(np.uint8), np.eye(4)), own.path / "x.nii")
    nibabel.save(nibabel.Nifti1Image(mask.T.astype(np.uint8), np.eye(4)), own.path / "x.nii.gz")
    own.write(name="seg/x.dcm")
    return own


BINARY = {
    "x.npy": 'format = "npy"\nfiles = "x.npy"',
    "x.npz": 'format = "npy"\nfiles = "x.npz"',
    "x.nii": 'format = "nifti"\nfiles = "x.nii"',
    "x.nii.gz": 'format = "nifti"\nfiles = "x.nii.gz"',
    "seg/x.dcm": 'format = "dicom-seg"\nfolder = "seg"\nsegment = 1',
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BINARY)
@fuzzed
@given(st.data())
def test_any_damage_to_a_binary_file(binary, name, data):
    path = binary.path / name
    whole = path.read_bytes()
    head = min(len(whole), 400)
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, head - 1) | st.integers(0, len(whole) - 1))
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(whole)))]
    path.write_bytes(content)
    try:
        read(binary, BINARY[name])
    finally:
        path.write_bytes(whole)
