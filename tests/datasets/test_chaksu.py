"""Chákṣu: the majority of five experts, of labels and of masks, whatever the files are called."""

from __future__ import annotations

import re
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.datasets import describe
from audit_suite.datasets.readers.chaksu import Majority

sys.path.insert(0, str(Path(__file__).parent))
from published import SHAPE, Airogs, Chaksu, box, cut, pixels, save, write_csv, zoo_card

QUALITY = """
[mask_quality]
rule = "{rule}"
minimum = {minimum}
"""


@pytest.fixture
def chaksu(tmp_path):
    return Chaksu(tmp_path)


def test_reads_both_parts_and_all_cameras_as_published(chaksu):
    dataset = chaksu.load()
    assert len(dataset.cases) == 12
    assert [case.labels["glaucoma"] for case in dataset.cases] == [1, 0] * 6
    cameras = [case.metadata["device"] for case in dataset.cases]
    assert cameras == ["Bosch", "Bosch", "Forus", "Forus", "Remidio", "Remidio"] * 2
    for index in range(12):
        sample = dataset.read(index)
        assert sample.image.shape == (*SHAPE, 3)
        assert np.array_equal(sample.regions["disc"], box(2, 3, 7, 9))
        assert list(sample.regions) == ["disc"]
    assert np.array_equal(dataset.read(2).image, pixels(0, shape=(*SHAPE, 3))), "Forus: no JPEG"
    said = describe(dataset).model_dump_json()
    assert not [secret for secret in chaksu.secrets if secret in said]


def test_the_parts_are_the_splits(chaksu):
    chaksu.more = 'split = "train"'
    train = chaksu.load()
    chaksu.more = 'split = "test"'
    test = chaksu.load()
    assert len(train.cases) == len(test.cases) == 6
    assert not {case.id for case in train.cases} & {case.id for case in test.cases}
    assert train.digest != test.digest


def test_few_names_tell_the_patient_and_other_images_count_as_one_each(chaksu):
    patients = [case.patient for case in chaksu.load().cases]
    assert patients[0] == patients[1]
    assert len(set(patients)) == 10
    assert patients[0] != patients[6], "P12 of Test is not known to be P12 of Train"


@pytest.mark.parametrize("grades", list(product((0, 1), repeat=5)))
def test_the_label_is_the_majority_of_the_five(chaksu, grades):
    words = [("NORMAL", "GLAUCOMA SUSPECT")[grade] for grade in grades]
    chaksu.tables["Train", "Forus"][1] |= chaksu._graded(words, "Train", "Forus")
    assert chaksu.load().cases[3].labels == {"glaucoma": int(sum(grades) >= 3)}


@pytest.mark.parametrize(
    "word", ["GLAUCOMA  SUSUPECT", "GLAUCOMA SUSPECT", "Glaucoma Suspect ", " GLAUCOMA\tSUSPECT"]
)
def test_spellings_of_suspect(chaksu, word):
    chaksu.tables["Test", "Bosch"][0]["Expert.4"] = word
    assert chaksu.load().cases[6].labels == {"glaucoma": 1}


@pytest.mark.parametrize("word", ["", "GLAUCOMA", "SUSPECT", "1", "NORMAL?", "Jane"])
@pytest.mark.parametrize("column", ["Expert.1", "Expert.5"])
def test_gradings_that_are_none_are_refused_with_table_row_and_column(chaksu, word, column):
    chaksu.tables["Test", "Bosch"][1][column] = word
    said = chaksu.refusal().what
    assert f"Comparison_Bosch_majority.csv row 3, column '{column}': is not a grading" in said
    assert "Test" in said


@pytest.mark.parametrize("part", ["Train", "Test"])
def test_a_majority_that_is_not_that_of_the_experts_is_refused(chaksu, part):
    row = chaksu.tables[part, "Remidio"][1]
    column = {"Train": "Majority Decision", "Test": "Glaucoma Decision"}[part]
    assert row[column] == "NORMAL"
    row[column] = "GLAUCOMA SUSPECT"
    said = chaksu.refusal().what
    assert f"row 3, column '{column}': is not the majority of the experts" in said
    row[column] = ""
    assert len(chaksu.load().cases) == 12, "nothing disagrees where nothing is said"


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_mask_holds_what_more_than_half_of_the_experts_drew(tmp_path_factory, experts, seed):
    folder = tmp_path_factory.mktemp("masks")
    drawn = np.random.default_rng(seed).random((experts, 4, 5)) < 0.5
    paths = tuple(save(folder / f"{n}.tif", mask) for n, mask in enumerate(drawn))
    votes = [[sum(mask[y][x] for mask in drawn.tolist()) for x in range(5)] for y in range(4)]
    expected = [[count > experts / 2 for count in row] for row in votes]
    assert Majority(paths, "here").read((0, 0)).tolist() == expected


def test_a_tie_is_no_majority(tmp_path):
    first, second = box(2, 3, 7, 9), box(4, 5, 8, 11)
    paths = save(tmp_path / "1.tif", first), save(tmp_path / "2.tif", second)
    assert np.array_equal(Majority(paths, "here").read((0, 0)), first & second)


def test_an_expert_who_drew_nothing_for_an_image_does_not_vote(chaksu):
    chaksu.write()
    for expert in (1, 2, 3):
        chaksu.mask("Train", "Bosch", 0, expert).unlink()
    mask = chaksu.reload().read(0).regions["disc"]
    assert np.array_equal(mask, box(2, 3, 7, 8) & box(3, 3, 7, 9))


def test_masks_are_not_kept_in_memory(tmp_path):
    majority = Majority((save(tmp_path / "1.tif", box(2, 3, 7, 9)),), "here")
    before = dict(vars(majority))
    assert majority.read((0, 0)).sum() == 30
    assert majority.agreement() == 1
    assert vars(majority) == before


def test_quality_is_the_experts_mean_dice_with_their_majority(chaksu):
    chaksu.more = QUALITY.format(rule="weight", minimum=0.5)
    shrunk = 2 * 25 / (30 + 25), 2 * 24 / (30 + 24)  # one column less, one row less
    expected = (3 + sum(shrunk)) / 5
    assert [case.quality for case in chaksu.load().cases] == [pytest.approx(expected)] * 12
    chaksu.more = ""
    assert {case.quality for case in chaksu.load().cases} == {None}, "it costs reading every mask"


def test_images_on_which_experts_disagree_are_dropped(chaksu):
    chaksu.more = QUALITY.format(rule="drop", minimum=0.8)
    chaksu.write()
    for expert in (1, 2, 3, 4):
        save(chaksu.mask("Train", "Forus", 1, expert), box(0, expert, 5, expert + 2))
    dataset = chaksu.reload()
    assert len(dataset.cases) == 11
    assert dataset.excluded == (f"1 rows of {chaksu.path.name}: mask quality not above 0.8",)


def test_the_worst_region_counts(chaksu):
    chaksu.card = chaksu.card.replace('["disc"]', '["disc", "cup"]')
    chaksu.more = QUALITY.format(rule="weight", minimum=0.5)
    chaksu.write()
    save(chaksu.mask("Train", "Bosch", 0, 1, "Cup"), box(0, 0, 2, 2))
    case, other = chaksu.reload().cases[:2]
    assert case.quality == pytest.approx(0.8), "four cups agree, one has nothing in common"
    assert other.quality > 0.9
    assert sorted(chaksu.reload().read(0).regions) == ["cup", "disc"]


def test_a_mask_that_cannot_be_read_has_no_quality_and_is_refused(chaksu):
    chaksu.more = QUALITY.format(rule="drop", minimum=0.8)
    chaksu.write()
    chaksu.mask("Train", "Forus", 1, 3).write_bytes(b"Jane")
    error = chaksu.refusal(chaksu.reload)
    assert "Comparison_Forus_majority.csv row 3" in error.what
    assert "the experts' disc: is not in a format that can be read" in error.what
    chaksu.more = 'on_bad_image = "exclude"' + chaksu.more
    dataset = chaksu.reload()
    assert len(dataset.cases) == 11
    assert any("the experts' disc: is not in a format" in why for why in dataset.excluded)


@pytest.mark.parametrize(
    ("expert", "pixels", "said"),
    [
        (1, np.ones((12, 10), np.uint8), "the mask differs in size between experts"),
        (None, np.ones((12, 10), np.uint8), "the mask is 10 x 12 pixels, the image 12 x 10"),
        (None, np.zeros(SHAPE, np.uint8), "the mask is empty"),
        (4, np.ones((*SHAPE, 3), np.uint8), "the mask has 3 channels instead of one"),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_table_and_row(chaksu, expert, pixels, said):
    dataset = chaksu.load()
    for number in range(1, 6) if expert is None else (expert,):
        save(chaksu.mask("Train", "Remidio", 1, number), pixels)
    what = chaksu.bad_read(dataset, 5)
    assert said in what
    assert "Comparison_Remidio_majority.csv row 3, column 'Images', the experts' disc" in what


def test_files_cut_off_are_refused_with_table_and_row(chaksu):
    dataset = chaksu.load()
    cut(chaksu.image("Train", "Forus", 0))
    said = chaksu.bad_read(dataset, 2)
    assert "Comparison_Forus_majority.csv row 2, column 'Images': the image cannot be" in said
    cut(chaksu.mask("Test", "Forus", 1, 5), 0.9)
    said = chaksu.bad_read(dataset, 9)
    assert "Test/6.0_Glaucoma_Decision/Glaucoma_Decision_Comparison_Forus_majority.csv row 3" in (
        said
    )
    assert "the experts' disc: the mask cannot be decoded" in said


def test_an_image_no_expert_outlined_is_refused_when_read(chaksu):
    chaksu.write()
    for expert in range(1, 6):
        chaksu.mask("Test", "Remidio", 0, expert).unlink()
    assert "the image has no mask of disc" in chaksu.bad_read(chaksu.reload(), 10)


def test_a_row_without_an_image_is_refused_or_left_out(chaksu):
    chaksu.write()
    chaksu.image("Train", "Bosch", 1).unlink()
    error = chaksu.refusal(chaksu.reload)
    where = "Comparison_Bosch_majority.csv row 3, column 'Images': there is no image with that name"
    assert where in error.what
    chaksu.more = 'on_bad_image = "exclude"'
    dataset = chaksu.reload()
    assert len(dataset.cases) == 11
    assert where in dataset.excluded[0]


def test_an_image_graded_twice_is_refused_with_the_table(chaksu):
    chaksu.tables["Test", "Forus"].append(dict(chaksu.tables["Test", "Forus"][0]))
    said = chaksu.refusal().what
    assert "Comparison_Forus_majority.csv rows 2 and 4 list the same image" in said


@pytest.mark.parametrize("column", ["Images", *(f"Expert.{number}" for number in range(1, 6))])
def test_a_missing_column_is_refused_with_those_there(chaksu, column):
    for row in chaksu.tables["Test", "Bosch"]:
        row["Something"] = row.pop(column)
    error = chaksu.refusal()
    assert f"has no column ['{column}'], which files of 'chaksu' have" in error.what
    assert "Something" in error.remedy


def test_the_table_of_another_publisher_is_refused(chaksu):
    chaksu.write()
    write_csv(chaksu.table("Train", "Bosch"), Airogs(chaksu.path).rows)
    assert "which files of 'chaksu' have" in chaksu.refusal(chaksu.reload).what


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_a_table_cut_off_is_refused_with_the_row(chaksu, share):
    chaksu.write()
    cut(chaksu.table("Test", "Forus"), share)
    said = chaksu.refusal(chaksu.reload).what
    assert re.search(
        r"row \d: (does not have as many fields|column .* is not a grading)", said
    ) or (re.search(r"row \d, column '[^']*': is no", said))


def test_images_without_their_table_are_refused_not_passed_over(chaksu):
    chaksu.write()
    chaksu.table("Test", "Remidio").unlink()
    said = chaksu.refusal(chaksu.reload).what
    assert "Glaucoma_Decision_Comparison_Remidio_majority.csv does not exist" in said
    table = chaksu.table("Test", "Forus")
    chaksu.load()
    table.write_text(table.read_text().splitlines()[0] + "\n")
    assert "holds no rows" in chaksu.refusal(chaksu.reload).what


def test_a_part_or_a_camera_that_is_not_there_at_all_is_no_harm(chaksu):
    for part, device in list(chaksu.tables):
        if part == "Test" or device == "Forus":
            del chaksu.tables[part, device]
    assert len(chaksu.load().cases) == 4


def test_a_folder_without_either_part_is_refused(chaksu):
    (chaksu.path / "20123135").mkdir()
    error = chaksu.refusal(chaksu.reload)
    assert "holds neither Train nor Test of Chákṣu" in error.what


def test_cards_that_ask_for_what_is_not_there_are_refused(chaksu):
    chaksu.card = Chaksu.card.replace('["disc"]', '["lungs"]')
    assert "key 'targets.glaucoma.roi' names ['lungs']" in chaksu.refusal().what
    chaksu.card = Chaksu.card + '[targets.myopia]\nroi = ["disc"]\n'
    assert "has one target, the card names ['glaucoma', 'myopia']" in chaksu.refusal().what
    chaksu.card = Chaksu.card.replace('["device"]', '["age"]')
    assert "'metadata' or 'filter' names ['age']" in chaksu.refusal().what


def test_the_cards_of_the_zoo_are_the_two_parts(chaksu, monkeypatch):
    chaksu.write()
    chaksu.image("Test", "Bosch", 1).unlink()  # the published tables name images that are missing
    train, test = (
        zoo_card(f"chaksu-{part}", chaksu, "CHAKSU", monkeypatch) for part in ("train", "test")
    )
    assert (len(train.cases), len(test.cases)) == (6, 5)
    assert not {case.patient for case in train.cases} & {case.patient for case in test.cases}
    assert np.array_equal(test.read(4).regions["disc"], box(2, 3, 7, 9))
    assert test.cases[0].metadata == {"device": "Bosch"}
