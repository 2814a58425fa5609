"""Mask files: images, NumPy and NIfTI, found by column, template or folder, several united."""

from __future__ import annotations

import gzip
import io
import zipfile

import nibabel
import numpy as np
import pytest
from datasets.masked import SHAPE, Project, regions, same
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.datasets.mask_formats.nifti import read_nifti
from audit_suite.datasets.mask_formats.npy import read_numpy


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """For tests that only add files."""
    return Project(tmp_path_factory.mktemp("files"))


@pytest.fixture
def own(tmp_path):
    (tmp_path / "data").mkdir()
    return Project(tmp_path / "data")


def white(mask):
    return mask.astype(np.uint8) * 255


def drawn(number=4, seed=5):
    rng = np.random.default_rng(seed)
    return [rng.random(SHAPE) > 0.6 for _ in range(number)]


# How files are found


WAYS = {
    "a template beside the root": ('files = "../{stem}.png"', "../a{i}.png"),
    "a template of the name alone": ('files = "{stem}_m.png"', "a{i}_m.png"),
    "a folder beside the root": ('folder = "../masks"', "../masks/a{i}.png"),
    "a template of the stem": ('files = "masks/{stem}_lung.png"', "masks/a{i}_lung.png"),
    "a template of folder and name": ('files = "out/{folder}/{name}"', "out/images/a{i}.png"),
    "a template of a column": ('files = "m/{site}/{stem}.png"', "m/s{i}/a{i}.png"),
    "a folder by stem": ('folder = "masks"', "masks/a{i}.tif"),
    "a column": ('column = "where"', "w/{i}.png"),
}


@pytest.mark.parametrize("way", WAYS)
def test_files_are_found_by(own, way):
    keys, name = WAYS[way]
    masks = drawn()
    for i, mask in enumerate(masks):
        own.image(name.format(i=i), white(mask))
        own.rows[i] |= {"site": f"s{i}", "where": f"w/{i}.png"}
    same(own.masks(keys), masks)


@pytest.mark.parametrize(
    "keys",
    [
        'files = ["left/{stem}.png", "right/{stem}.png"]',
        'folder = ["left", "right"]',
        'column = ["l", "r"]',
        'files = "*/{stem}.png"',
    ],
)
def test_several_files_of_an_image_are_united(own, keys):
    left, right = drawn(), drawn(seed=6)
    for i in range(4):
        own.image(f"left/a{i}.png", white(left[i]))
        own.image(f"right/a{i}.png", white(right[i]))
        own.rows[i] |= {"l": f"left/a{i}.png", "r": f"right/a{i}.png"}
    same(own.masks(keys), [one | other for one, other in zip(left, right, strict=True)])


def test_a_link_that_leads_out_of_the_folders_that_the_card_names_is_refused(own):
    for i, mask in enumerate(drawn()):
        own.image(f"m/a{i}.png", white(mask))
    outside = own.image("../x.png", white(drawn()[0]))
    (own.path / "m/a0.png").unlink()
    (own.path / "m/a0.png").symlink_to(outside)
    for keys in ('folder = "m"', 'files = "m/{stem}.png"'):
        assert "row 2, column 'image': the file is a link that leads out" in own.refused(keys)
        same(own.masks(keys, top="follow_links = true"), drawn())


def test_a_star_never_means_the_image_itself_and_brackets_are_letters(own):
    for i, mask in enumerate(drawn()):
        name = f"images/a[{i}]*.png"
        (own.path / f"images/a{i}.png").rename(own.path / name)
        own.rows[i]["image"] = name
        own.image(f"images/a[{i}]*_m1.png", white(mask))
    same(own.masks('files = "images/{stem}*.png"'), drawn())


def test_values_number_the_regions_of_one_file(own):
    labels = np.random.default_rng(2).integers(0, 4, (4, *SHAPE)).astype(np.uint8)
    for i in range(4):
        own.image(f"m/a{i}.png", labels[i])
    same(own.masks('folder = "m"\nvalue = [1, 3]'), [np.isin(each, [1, 3]) for each in labels])
    assert "holds 4 values" in own.bad('folder = "m"')


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "needs one of column, files and folder"),
        ('folder = "m"\nfiles = "m/{stem}.png"', "it has files and folder"),
        ('folder = "n"', "is not a folder; correct 'regions.it.folder'"),
        ('files = "m/{stm}.png"', "names {stm}, which images do not have; fields there: stem, "),
        (
            'files = "m/{up}/{stem}.png"',
            "'regions.it' names a file outside the folder that its temp",
        ),
        ('files = "images/{name}"', "'regions.it' finds the image itself"),
        ('files = "m/{stem}_2.png"', "row 2, column 'image': there is no file for 'regions.it'"),
        (
            'format = "jpeg2000"',
            "key 'regions.it': there is no mask format 'jpeg2000'; known: boxes",
        ),
        (
            'folder = "m"\nlabel = "x"',
            "key 'regions.it': unknown key 'label'; regions of format 'image' have format, abs",
        ),
        ('folder = "m"\nabsent = "left out"', "key 'regions.it.absent'"),
        ('column = "nowhere"', "regions.it.column = 'nowhere': no such column"),
        ('column = "image"', "'columns.image' and 'regions.it' have the same column 'image'"),
    ],
)
def test_one_thing_wrong_in_the_keys(own, keys, said):
    for row in own.rows:
        row["up"] = ".."
    for i, mask in enumerate(drawn()):
        own.image(f"m/a{i}.png", white(mask))
    assert said in own.refused(keys)


def test_one_file_wrong(own):
    for i, mask in enumerate(drawn()):
        own.image(f"m/a{i}.png", white(mask))
    own.image("m/a0.png", white(drawn()[0].T))
    assert "the mask is 24 x 31 pixels, the image 31 x 24: its rows and columns are exchanged" in (
        own.bad('folder = "m"')
    )
    own.image("m/a0.png", white(drawn()[0][:-1]))
    assert "the mask is 31 x 23 pixels, the image 31 x 24" in own.bad('folder = "m"')
    own.image("m/a0.png", white(drawn()[0] & False))
    assert "the mask is empty" in own.bad('folder = "m"')
    own.image("m/a0.bmp", white(drawn()[0]))
    assert "row 2, column 'image': 'regions.it' finds 2 files" in own.refused('folder = "m"')


def test_parts_of_different_sizes_and_one_mask_for_two_images(own):
    for i, mask in enumerate(drawn()):
        own.image(f"m/a{i}.png", white(mask))
        own.image(f"n/a{i}.png", white(mask[:-1]))
    assert "has parts of different sizes" in own.bad('folder = ["m", "n"]')
    own.image("more/a0.png", np.zeros(SHAPE, np.uint8))
    own.rows[2]["image"] = "more/a0.png"
    assert "finds one mask for the images of rows 2 and 4" in own.refused('folder = "m"')


def test_a_missing_file_is_left_out_where_the_card_says_so_or_no_target_needs_it(own):
    for i, mask in enumerate(drawn()[:3]):
        own.image(f"m/a{i}.png", white(mask))
    keys = 'folder = "m"'
    assert "row 5, column 'image': there is no file" in own.refused(keys)
    dataset = own.load(keys, top='on_bad_image = "exclude"')
    assert len(dataset.cases) == 3
    assert dataset.excluded == ("m.csv row 5, column 'image': there is no file for 'regions.it'",)
    masks = own.masks(keys, roi=False)
    assert masks[3] is None
    same(masks[:3], drawn()[:3])


def test_the_content_of_every_part_is_in_the_digest(own):
    for i, mask in enumerate(drawn()):
        own.image(f"m/a{i}.png", white(mask))
        own.image(f"n/a{i}.png", white(~mask))
    keys = 'folder = ["m", "n"]'
    before = own.load(keys).digest
    assert own.load(keys).digest == before
    own.image("n/a3.png", white(drawn()[0]))
    assert own.load(keys).digest != before


# NumPy


@settings(deadline=None)  # a busy machine is no fault
@given(mask=regions(), data=st.data())
def test_numpy_files_hold_what_was_saved(project, mask, data):
    kind = data.draw(st.sampled_from([bool, "u1", ">i2", "i8", "f4", "f8"]))
    array = mask.astype(kind) * (1 if kind is bool else data.draw(st.sampled_from([1, 100])))
    array = data.draw(
        st.sampled_from([array, array[None], array[..., None], np.asfortranarray(array)])
    )
    path = project.path / "x.npy"
    if data.draw(st.booleans()):
        np.save(path, array)
        assert np.array_equal(read_numpy(path), mask)
    else:
        save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
        save(path.with_suffix(".npz"), other=~mask, it=array)
        assert np.array_equal(read_numpy(path.with_suffix(".npz"), (), "it"), mask)


def test_numpy_files_of_a_card(own):
    labels = np.random.default_rng(2).integers(0, 4, (4, *SHAPE))
    for i in range(4):
        (own.path / "m").mkdir(exist_ok=True)
        np.save(own.path / f"m/a{i}.npy", labels[i])
        np.savez(own.path / f"m/b{i}.npz", lung=labels[i] > 1, heart=labels[i] == 0)
    same(own.masks('format = "npy"\nfolder = "m"\nvalue = 2'), list(labels == 2))
    keys = 'format = "npy"\nfiles = "m/b*{stem}"'.replace("b*{stem}", "{npz}")
    for i in range(4):
        own.rows[i]["npz"] = f"b{i}.npz"
    same(own.masks(keys + '\narray = "lung"'), list(labels > 1))
    assert "holds the arrays lung, heart: name one of them with array" in own.bad(keys)


def saved(array, **more):
    stream = io.BytesIO()
    np.save(stream, array, **more)
    return stream.getvalue()


def claiming(shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (saved(np.array([[None]])), "does not hold plain numbers"),
        (saved(np.zeros((3, 4, 5))), "an array of 3 x 4 x 5 instead of one plane"),
        (saved(np.zeros(9)), "an array of 9 instead of one plane"),
        (saved(np.array([["a"]])), "does not hold numbers"),
        (saved(np.array([[0.5, 0]])), "numbers that are not whole"),
        (saved(np.array([[np.nan, 0]])), "numbers that are not whole"),
        (saved(np.array([[1, 2]])), "holds 2 values (1, 2) instead of 0 and one other"),
        (saved(np.array([[-1, 0]])), "holds 2 values (-1, 0)"),
        (saved(np.eye(9))[:-1], "is cut off"),
        (claiming((10**6, 10**6)), "claims to be unreasonably large"),
        (b"no array", "is not a file of NumPy"),
        (b"", "is not a file of NumPy"),
    ],
)
def test_what_no_mask_of_numpy_is(project, content, said):
    path = project.path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        read_numpy(path)
    assert said in str(caught.value)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        read_numpy(path)
    assert said in str(caught.value)


# NIfTI


def nifti(array, affine=None):
    return nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)


@settings(deadline=None)  # a busy machine is no fault
@given(
    mask=regions(),
    kind=st.sampled_from(["u1", "i2", "f4"]),
    volume=st.booleans(),
    ending=st.sampled_from([".nii", ".nii.gz"]),
    axes=st.sampled_from(["xy", "yx"]),
    flips=st.sampled_from([(1, 1), (-1, -1), (1, -1)]),
)
def test_nifti_files_are_read_as_nibabel_reads_them(
    project, mask, kind, volume, ending, axes, flips
):
    array = (mask.T if axes == "xy" else mask).astype(kind)
    path = project.path / f"x{ending}"
    affine = np.diag([*flips, 1, 1])
    nibabel.save(nifti(array[..., None] if volume else array, affine), path)
    stored = np.asarray(nibabel.load(path).dataobj)
    stored = stored[..., 0] if volume else stored
    assert np.array_equal(stored, array)
    assert np.array_equal(read_nifti(path, (), axes), mask)


def test_nifti_files_of_a_card(own):
    labels = np.random.default_rng(2).integers(0, 3, (4, *SHAPE)).astype(np.uint8)
    (own.path / "m").mkdir()
    for i in range(4):
        nibabel.save(nifti(labels[i].T), own.path / f"m/a{i}.nii.gz")
    same(own.masks('format = "nifti"\nfolder = "m"\nvalue = 2'), list(labels == 2))
    said = own.bad('format = "nifti"\nfolder = "m"\nvalue = 2\naxes = "yx"')
    assert "the mask is 24 x 31 pixels, the image 31 x 24: its rows and columns are exch" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (nifti(np.zeros((3, 4, 5), np.uint8)).to_bytes(), "an array of 3 x 4 x 5"),
        (nifti(np.zeros((3, 4), np.uint8)).to_bytes()[:355], "cannot be read as NIfTI"),
        (b"no image", "cannot be read as NIfTI"),
        (gzip.compress(b"no image"), "cannot be read as NIfTI"),
        (gzip.compress(b"no image")[:-9], "cannot be read as NIfTI"),
        (b"", "cannot be read as NIfTI"),
    ],
    ids=["three axes", "cut", "text", "packed text", "packed and cut", "empty"],
)
def test_what_no_mask_of_nifti_is(project, content, said):
    path = project.path / "bad.nii"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        read_nifti(path)
    assert said in str(caught.value)


def test_without_nibabel_its_extra_is_named(own, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    (own.path / "m").mkdir()
    assert 'pip install "audit-suite[nifti]"' in own.refused('format = "nifti"\nfolder = "m"')
