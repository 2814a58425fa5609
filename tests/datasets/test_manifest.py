"""The manifest reader: what it reads, and what it says of everything that can be wrong."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import BadImage, describe, load_dataset
from audit_suite.errors import AuditError

CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "manifest.csv"
metadata = ["age"]
{more}
[columns]
split = "split"
[targets.sick]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
[regions.marks]
column = "marks"
"""


class Folder:
    """A data set on disk that tests break on purpose."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.more = ""
        self.rows = [
            {
                "image": f"{i}.png",
                "mask": f"m{i}.png",
                "marks": "",
                "patient_id": f"secret-{i // 2}",
                "split": "train" if i < 4 else "test",
                "sick": str(i % 2),
                "age": str(40 + i),
            }
            for i in range(8)
        ]
        rng = np.random.default_rng(0)
        for i in range(8):
            self.image(f"{i}.png", rng.integers(0, 255, (10, 12)).astype(np.uint8))
            self.image(f"m{i}.png", np.eye(10, 12, dtype=np.uint8) * 255)

    def image(self, name: str, pixels: np.ndarray) -> None:
        Image.fromarray(pixels).save(self.path / name)

    def load(self):
        with (self.path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)
        (self.path / "card.toml").write_text(CARD.format(more=self.more))
        return load_dataset(load_dataset_card(self.path / "card.toml"))

    def error(self) -> AuditError:
        with pytest.raises(AuditError) as caught:
            self.load()
        said = str(caught.value).replace(str(self.path), "")
        assert "secret" not in said
        assert "Jane" not in said
        assert caught.value.remedy
        return caught.value

    def bad_read(self, index: int = 3) -> BadImage:
        dataset = self.load()
        with pytest.raises(BadImage) as caught:
            dataset.read(index)
        assert f"row {index + 2}" in caught.value.what
        assert "secret" not in str(caught.value)
        assert f"{index}.png" not in caught.value.what
        return caught.value


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_reads_images_masks_labels_and_metadata(folder):
    dataset = folder.load()
    assert len(dataset.cases) == 8
    case = dataset.cases[3]
    assert (case.patient, case.labels, case.metadata, case.row) == (
        "secret-1",
        {"sick": 1},
        {"age": "43"},
        5,
    )
    sample = dataset.read(3)
    assert sample.image.shape == (10, 12)
    assert sample.image.dtype == np.uint8
    assert np.array_equal(sample.regions["lungs"], np.eye(10, 12, dtype=bool))
    assert "marks" not in sample.regions, "a region outside every ROI may be missing"
    record = describe(dataset)
    assert (record.n_images, record.n_patients) == (8, 4)
    assert record.targets["sick"].n_positive_patients == 4
    assert "secret" not in record.model_dump_json()


def test_split_and_filter(folder):
    folder.more = 'split = "test"\nfilter = { age = ["44", "45", "46"] }'
    assert [case.row for case in folder.load().cases] == [6, 7, 8]
    folder.more = 'split = "validation"'
    assert "no row is left after split 'validation'" in folder.error().what


def test_a_byte_order_mark_is_no_harm(folder):
    folder.load()
    text = (folder.path / "manifest.csv").read_bytes()
    (folder.path / "manifest.csv").write_bytes(b"\xef\xbb\xbf" + text)
    assert load_dataset(load_dataset_card(folder.path / "card.toml")).cases


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"image,patient_id\n\xe9.png,1\n",
            "is not UTF-8 text (row 2, byte 17): it looks like Windows-1252",
        ),
        (b"", "holds no rows"),
        (b"image,patient_id\n", "holds no rows"),
        (b'image,patient_id\n"a,1\n', "cannot be read"),
        (b"image,patient_id\na.png\n", "row 2: does not have as many fields"),
        (b"image,patient_id\na.png,1,2\n", "row 2: does not have as many fields"),
    ],
)
def test_broken_manifests(folder, content, said):
    folder.load()
    (folder.path / "manifest.csv").write_bytes(content)
    with pytest.raises(AuditError) as caught:
        load_dataset(load_dataset_card(folder.path / "card.toml"))
    assert said in caught.value.what


def test_missing_manifest(folder):
    folder.load()
    (folder.path / "manifest.csv").unlink()
    with pytest.raises(AuditError, match="does not exist"):
        load_dataset(load_dataset_card(folder.path / "card.toml"))


def test_unknown_columns_come_with_the_known_ones(folder):
    for row in folder.rows:
        row["label"] = row.pop("sick")
    error = folder.error()
    assert "targets.sick.column = 'sick'" in error.what
    assert "columns there: image, mask" in error.remedy


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("sick", "", "row 5, column 'sick': the label is missing"),
        ("sick", "2", "row 5, column 'sick': the label is not 0 or 1"),
        ("sick", "Jane Doe", "row 5, column 'sick': the label is not 0 or 1"),
        ("patient_id", "", "row 5, column 'patient_id': the patient is missing"),
        ("image", "2.png", "rows 4, 5 have the same image"),
        ("image", "../3.png", "row 5, column 'image': the file lies outside"),
        ("image", "none.png", "row 5, column 'image': the file does not exist"),
        ("image", "", "row 5, column 'image': no file is named"),
        ("mask", "", "row 5, column 'mask': no file is named"),
        ("mask", "none.png", "row 5, column 'mask': the file does not exist"),
        ("marks", "none.png", "row 5, column 'marks': the file does not exist"),
    ],
)
def test_wrong_rows(folder, column, value, said):
    folder.rows[3][column] = value
    assert said in folder.error().what


def test_all_problems_come_at_once(folder):
    for row in folder.rows[2:]:
        row["patient_id"] = ""
    folder.rows[0]["patient_id"] = "secret-9"
    folder.rows[2]["sick"] = folder.rows[5]["sick"] = "x"
    error = folder.error()
    assert "row 4 and 1 more, column 'sick': the label is not 0 or 1" in error.what
    assert error.what.count("the patient is missing") == 4
    assert "; and 2 more" in error.what


def test_duplicate_ids(folder):
    folder.more = ""
    for row in folder.rows:
        row["uid"] = "same"
    folder.load_card = CARD
    with (folder.path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, folder.rows[0])
        writer.writeheader()
        writer.writerows(folder.rows)
    text = CARD.format(more="").replace("[columns]", '[columns]\nid = "uid"')
    (folder.path / "card.toml").write_text(text)
    with pytest.raises(AuditError, match="rows 2, 3, 4, 5, 6, 7, 8, 9 have the same id"):
        load_dataset(load_dataset_card(folder.path / "card.toml"))


def test_a_patient_in_two_splits(folder):
    folder.rows[3]["split"] = "test"
    folder.more = 'split = "test"'
    assert (
        "rows 4 and 5 belong to the same patient, but to the splits 'train' and 'test'"
        in folder.error().what
    )


def test_one_class_only(folder):
    for row in folder.rows:
        row["sick"] = "1"
    assert "target 'sick' has only label 1 after split and filter" in folder.error().what


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("3.png", b"", "not in a format that can be read"),
        ("3.png", b"GIF87a", "image"),
        ("m3.png", b"no image", "the mask is not in a format"),
    ],
)
def test_unreadable_files(folder, name, content, said):
    (folder.path / name).write_bytes(content)
    assert said in folder.bad_read().what


def test_a_truncated_image(folder):
    data = (folder.path / "3.png").read_bytes()
    (folder.path / "3.png").write_bytes(data[: len(data) // 2])
    assert "cannot be decoded" in folder.bad_read().what


def test_a_mask_of_another_size(folder):
    folder.image("m3.png", np.ones((12, 10), np.uint8))
    assert "the mask is 10 x 12 pixels, the image 12 x 10" in folder.bad_read().what


def test_an_empty_mask_and_a_coloured_mask(folder):
    folder.image("m3.png", np.zeros((10, 12), np.uint8))
    assert "the mask is empty" in folder.bad_read().what
    folder.image("m3.png", np.ones((10, 12, 3), np.uint8))
    assert "has 3 channels instead of one" in folder.bad_read().what


def test_excluding_bad_rows_where_the_card_allows_it(folder):
    folder.more = 'on_bad_image = "exclude"'
    folder.rows[3]["mask"] = ""
    folder.rows[5]["image"] = "none.png"
    dataset = folder.load()
    assert [case.row for case in dataset.cases] == [2, 3, 4, 6, 8, 9]
    assert dataset.excluded == (
        "manifest.csv row 5, column 'mask': no file is named",
        "manifest.csv row 7, column 'image': the file does not exist",
    )
    folder.rows[0]["sick"] = "x"
    assert "row 2" in folder.error().what, "a wrong label is no bad image"


def test_a_region_by_value(folder):
    mask = np.zeros((10, 12), np.uint8)
    mask[2:4], mask[6:8] = 127, 255
    folder.image("m0.png", mask)
    assert "holds 3 values (0, 127, 255)" in folder.bad_read(0).what
    text = (folder.path / "card.toml").read_text()
    for value, rows in ((127, [2, 3]), ([127, 255], [2, 3, 6, 7])):
        named = text.replace('column = "mask"', f'column = "mask"\nvalue = {value}')
        (folder.path / "card.toml").write_text(named)
        region = load_dataset(load_dataset_card(folder.path / "card.toml")).read(0).regions["lungs"]
        assert np.flatnonzero(region.any(axis=1)).tolist() == rows


@pytest.mark.parametrize(
    ("pixels", "shape", "kind"),
    [
        (np.full((10, 12), 40_000, np.uint16), (10, 12), np.uint16),
        (np.full((10, 12, 3), 9, np.uint8), (10, 12, 3), np.uint8),
        (np.full((10, 12, 4), 9, np.uint8), (10, 12, 3), np.uint8),
        (np.full((10, 12), 1, bool), (10, 12), np.uint8),
    ],
)
def test_pixel_formats(folder, pixels, shape, kind):
    folder.image("0.png", pixels)
    image = folder.load().read(0).image
    assert (image.shape, image.dtype) == (shape, kind)
    assert image.max() == (255 if pixels.dtype == bool else pixels.max())


def test_the_digest_is_of_content(folder):
    first = folder.load().digest
    assert folder.load().digest == first
    folder.more = 'description = "other words"'
    assert folder.load().digest == first
    folder.more = ""
    pixels = np.asarray(Image.open(folder.path / "0.png")).copy()
    pixels[0, 0] ^= 1
    folder.image("0.png", pixels)
    changed = folder.load().digest
    assert changed != first
    folder.rows[0]["sick"] = "1"
    assert folder.load().digest not in (first, changed)


def test_a_smoke_sample_keeps_whole_patients_and_both_classes(folder):
    for i, row in enumerate(folder.rows):
        row["sick"] = str(i // 2 % 2)
    folder.load()
    card = load_dataset_card(folder.path / "card.toml")
    dataset = load_dataset(card, max_cases=4)
    assert len(dataset.cases) == 4
    assert len({case.patient for case in dataset.cases}) == 2
    assert {case.labels["sick"] for case in dataset.cases} == {0, 1}
    assert dataset.digest != load_dataset(card).digest
    for index, case in enumerate(dataset.cases):
        whole = load_dataset(card)
        original = next(i for i, c in enumerate(whole.cases) if c.id == case.id)
        assert np.array_equal(dataset.read(index).image, whole.read(original).image)


REAL = os.environ.get("AUDIT_REAL_DATA")

REAL_CARD = """
schema = 1
name = "real"
reader = "manifest"
root = "$AUDIT_REAL_DATA/{folder}"
manifest = "manifest.csv"
split = {split}
[columns]
split = "split"
[targets.target]
column = "{column}"
roi = ["organ"]
[regions.organ]
column = "mask"
"""


def real(tmp_path, folder, column, split=""):
    text = REAL_CARD.format(folder=folder, column=column, split=f'"{split}"')
    text = text if split else text.replace('split = ""\n', "")
    (tmp_path / "card.toml").write_text(text)
    return load_dataset(load_dataset_card(tmp_path / "card.toml"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "column", "images", "patients", "copied"),
    [("cxr", "label_covid19", 571, 453, 0), ("fundus", "label_glaucoma", 688, 276, 5)],
)
def test_real_data_has_the_numbers_its_readme_gives(
    tmp_path, folder, column, images, patients, copied
):
    """But for patients of the fundus set who have the same image files as another patient."""
    record = describe(real(tmp_path, folder, column))
    assert (record.n_images, record.n_patients) == (images, patients - copied)
    assert bool(record.notes) == bool(copied)


@pytest.mark.real_data
def test_real_test_split(tmp_path):
    record = describe(real(tmp_path, "cxr", "label_covid19", "test"))
    assert record.targets["target"].n_positive_patients == 32


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["cxr", "fundus"])
def test_every_real_image_can_be_read(tmp_path, folder):
    column = {"cxr": "label_covid19", "fundus": "label_glaucoma"}[folder]
    dataset = real(tmp_path, folder, column)
    for index in range(0, len(dataset.cases), 7):
        sample = dataset.read(index)
        assert sample.regions["organ"].shape == sample.image.shape[:2]
        assert sample.image.ndim == (2 if folder == "cxr" else 3)
