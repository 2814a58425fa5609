"""AIROGS: referable or not, images in six folders, and masks of one's own."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from audit_suite.datasets import describe

sys.path.insert(0, str(Path(__file__).parent))
from published import SHAPE, Airogs, Chaksu, box, cut, pixels, save, write_csv, zoo_card


@pytest.fixture
def airogs(tmp_path):
    return Airogs(tmp_path)


def test_reads_the_files_as_published(airogs):
    dataset = airogs.load()
    assert [case.labels["glaucoma"] for case in dataset.cases] == [1, 0, 0] * 4
    assert [case.row for case in dataset.cases] == list(range(2, 14))
    assert len({case.patient for case in dataset.cases}) == 12, "no patients are published"
    for index in range(12):
        sample = dataset.read(index)
        assert sample.image.shape == (*SHAPE, 3)
        assert np.array_equal(sample.regions["disc"], box(1 + index % 3, 3, 7, 9))
    said = describe(dataset).model_dump_json()
    assert not [secret for secret in airogs.secrets if secret in said]


def test_images_lie_in_six_folders_or_in_one(airogs):
    apart = airogs.load()
    (airogs.path / "images").mkdir()
    for number in range(12):
        airogs.image(number).rename(airogs.path / "images" / airogs.image(number).name)
    together = airogs.reload()
    assert together.cases == apart.cases
    assert together.digest == apart.digest


@pytest.mark.parametrize("place", ["masks", "0masks", "zmasks", "images/masks"])
def test_a_mask_is_never_taken_for_an_image_wherever_its_folder_sorts(airogs, place):
    airogs.card = airogs.card.replace('"masks"', f'"{place}"')
    airogs.write()
    (airogs.path / "images").mkdir()
    for number in range(12):
        airogs.image(number).rename(airogs.path / "images" / airogs.image(number).name)
    if place != "masks":
        (airogs.path / "masks").rename(airogs.path / place)
    dataset = airogs.reload()
    for index in range(12):
        sample = dataset.read(index)
        assert sample.image.ndim == 3
        assert sample.regions["disc"].any()
    (airogs.path / "images" / "TRAIN000003.jpg").unlink()
    said = airogs.refusal(airogs.reload).what
    assert "row 5, column 'challenge_id': the file does not exist" in said


@pytest.mark.parametrize("grade", ["", "U", "0", "referable", "N RG", "Jane"])
def test_classes_that_are_none_are_refused_with_the_row(airogs, grade):
    airogs.rows[4]["class"] = grade
    assert "row 6, column 'class': is neither RG nor NRG" in airogs.refusal().what


def test_two_files_of_one_name_are_refused_not_chosen_from(airogs):
    airogs.write()
    save(airogs.path / "copies" / "TRAIN000003.png", pixels(99, shape=(*SHAPE, 3)))
    said = airogs.refusal(airogs.reload).what
    assert "row 5, column 'challenge_id': several images have that name" in said
    (airogs.path / "copies" / "TRAIN000003.png").unlink()
    save(airogs.path / "masks" / "second" / "TRAIN000007.png", box(0, 0, 2, 2))
    said = airogs.refusal(airogs.reload).what
    assert "row 9, column 'challenge_id': several masks have that name" in said


def test_an_image_listed_twice_or_missing_is_refused(airogs):
    airogs.write()
    airogs.rows[3] = airogs.rows[1]
    airogs.rows[4]["challenge_id"] = "JANE000001"
    write_csv(airogs.path / "train_labels.csv", airogs.rows)
    said = airogs.refusal(airogs.reload).what
    assert "row 6, column 'challenge_id': the file does not exist" in said
    assert "rows 3, 5 have the same id" in said


def test_an_image_without_a_mask_is_refused_when_read(airogs):
    airogs.write()
    airogs.mask(2).unlink()
    dataset = airogs.reload()
    said = airogs.bad_read(dataset, 2)
    assert "row 4, column 'challenge_id': the image has no mask of disc" in said
    shutil.rmtree(airogs.path / "masks")
    airogs.card = airogs.card.replace('masks = "masks"\n', "")
    assert "the image has no mask of disc" in airogs.bad_read(airogs.reload(), 3)


def test_masks_that_the_card_does_not_name_are_not_taken_for_images(airogs):
    airogs.card = airogs.card.replace('masks = "masks"\n', "")
    error = airogs.refusal()
    assert "row 2, column 'challenge_id': several images have that name" in error.what


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.ones((12, 10), np.uint8), "the mask is 10 x 12 pixels, the image 12 x 10"),
        (np.zeros(SHAPE, np.uint8), "the mask is empty"),
        (np.ones((*SHAPE, 3), np.uint8), "the mask has 3 channels"),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_the_row(airogs, mask, said):
    dataset = airogs.load()
    save(airogs.mask(2), mask)
    what = airogs.bad_read(dataset, 2)
    assert said in what
    assert "train_labels.csv row 4" in what


def test_files_cut_off_are_refused_with_the_row(airogs):
    dataset = airogs.load()
    cut(airogs.image(2))
    assert "row 4, column 'challenge_id': the image" in airogs.bad_read(dataset, 2)
    cut(airogs.mask(3), 0.6)
    assert "row 5, column 'challenge_id': the mask cannot be" in airogs.bad_read(dataset, 3)


def test_one_mask_an_image_cannot_show_two_regions(airogs):
    airogs.card = airogs.card.replace('["disc"]', '["disc", "cup"]')
    assert "names ['cup', 'disc'], but 'files.masks' holds one mask" in airogs.refusal().what
    airogs.write()
    shutil.rmtree(airogs.path / "masks")
    airogs.card = airogs.card.replace('masks = "masks"\n', "")
    assert len(airogs.reload().cases) == 12, "without masks nothing is shown twice"


def test_a_mask_drawn_again_is_another_data_set_though_its_size_stays(airogs):
    first = airogs.load().digest
    path = airogs.mask(2)
    tif = path.with_suffix(".tif")
    path.unlink()
    save(tif, box(1, 1, 5, 5))
    drawn, size = airogs.reload().digest, tif.stat().st_size
    save(tif, box(2, 2, 6, 6))
    assert tif.stat().st_size == size
    assert len({first, drawn, airogs.reload().digest}) == 3


@pytest.mark.parametrize("column", ["challenge_id", "class"])
def test_a_missing_column_is_refused_with_those_there(airogs, column):
    for row in airogs.rows:
        row["Something"] = row.pop(column)
    error = airogs.refusal()
    assert f"has no column ['{column}'], which files of 'airogs' have" in error.what
    assert "Something" in error.remedy


def test_the_list_of_another_publisher_is_refused(airogs):
    airogs.write()
    labels = airogs.path / "train_labels.csv"
    write_csv(labels, Chaksu(airogs.path).tables["Train", "Bosch"])
    assert "which files of 'airogs' have" in airogs.refusal(airogs.reload).what
    # the successor of 2024, with semicolons
    labels.write_text("Eye ID;Final Label;Fellow Eye ID\nTRAIN000000;NRG;TRAIN000001\n")
    assert "which files of 'airogs' have" in airogs.refusal(airogs.reload).what


def test_a_list_cut_off_in_a_row_is_refused_with_the_row(airogs):
    airogs.write()
    labels = airogs.path / "train_labels.csv"
    lines = labels.read_text().splitlines()
    for end in ("TRAIN0000", "TRAIN000004,", "TRAIN000004,N"):
        labels.write_text("\n".join([*lines[:5], end]))
        said = airogs.refusal(airogs.reload).what
        assert re.search(
            r"row 6(: does not have as many fields|, column 'class': is neither)", said
        )


def test_the_masks_folder_must_be_a_folder(airogs):
    airogs.card = airogs.card.replace('"masks"', '"train_labels.csv"')
    assert "is not a folder" in airogs.refusal().what
    airogs.card = airogs.card.replace('masks = "train_labels.csv"', 'masks = "elsewhere"')
    assert "does not exist" in airogs.refusal().what


def test_there_is_one_target(airogs):
    airogs.card += '[targets.myopia]\nroi = ["disc"]\n'
    assert "has one target, the card names ['glaucoma', 'myopia']" in airogs.refusal().what


def test_the_card_of_the_zoo_is_external_to_chaksu(airogs, monkeypatch):
    airogs.write()
    dataset = zoo_card("airogs", airogs, "AIROGS", monkeypatch)
    assert len(dataset.cases) == 12
    assert describe(dataset).internal == "chaksu-test"
    assert np.array_equal(dataset.read(4).regions["disc"], box(2, 3, 7, 9))
