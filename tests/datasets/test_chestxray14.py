"""ChestX-ray14: both releases read the same, and a list that is not as published is refused."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from audit_suite.datasets import describe

sys.path.insert(0, str(Path(__file__).parent))
from published import ChestXray14, PadChest, box, cut, pixels, zoo_card


@pytest.fixture
def chestxray14(tmp_path):
    return ChestXray14(tmp_path)


def test_reads_the_files_as_published(chestxray14):
    dataset = chestxray14.load()
    assert [case.row for case in dataset.cases] == list(range(2, 10))
    case = dataset.cases[0]
    assert (case.id, case.patient, case.quality) == ("00013579_000.png", "13579", 0.9)
    assert case.metadata == {"age": "40", "sex": "F", "view": "AP"}
    labels = [(case.labels["cardiomegaly"], case.labels["effusion"]) for case in dataset.cases]
    assert labels == [(1, 1), (0, 0), (0, 0), (1, 1), (0, 0), (0, 0), (1, 0), (0, 1)]
    assert len({case.patient for case in dataset.cases}) == 5
    sample = dataset.read(3)
    assert np.array_equal(sample.image, pixels(3))
    assert np.array_equal(sample.regions["left-lung"], box(2, 7, 8, 11))
    said = describe(dataset).model_dump_json()
    assert not [secret for secret in chestxray14.secrets if secret in said]


@pytest.mark.parametrize(
    ("ends", "sex"),
    [
        ((",", ","), "Patient Gender"),  # 2017
        (("", ","), "Patient Gender"),  # 2017, the header mended by hand
        (("", ""), "Patient Gender"),  # 2020
        (("", ""), "Patient Sex"),  # later
        ((",", ","), "Patient Sex"),
    ],
)
def test_every_release_of_the_list_reads_the_same(chestxray14, ends, sex):
    expected = chestxray14.load().cases
    chestxray14.ends = ends
    chestxray14.header = chestxray14.header.replace("Patient Gender", sex)
    assert chestxray14.load().cases == expected


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", "58"),
        ("058Y", "58"),
        ("005Y", "5"),
        ("000Y", "0"),
        ("011M", "0"),
        ("020D", "0"),
        ("120", "120"),
        ("121", ""),
        ("414", ""),
        ("414Y", ""),
        ("", ""),
        ("58 years", ""),
        ("-3", ""),
    ],
)
def test_ages_are_in_whole_years_and_impossible_ones_unknown(chestxray14, text, years):
    chestxray14.rows[2][4] = text
    assert chestxray14.load().cases[2].metadata["age"] == years


def test_no_finding_is_a_class_like_others(chestxray14):
    chestxray14.more = '[targets.normal]\ncolumn = "No Finding"'
    chestxray14.card = chestxray14.card.replace("{more}\n", "") + "{more}\n"
    labels = [case.labels["normal"] for case in chestxray14.load().cases]
    assert labels == [0, 1, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Cardiomegalie",
        "Cardiomegaly|",
        "|",
        "Cardiomegaly;Effusion",
        "cardiomegaly",
        "['Cardiomegaly']",
        "Jane",
    ],
)
def test_findings_that_are_none_of_the_published_ones_are_refused_with_the_row(chestxray14, text):
    chestxray14.rows[2][1] = text
    said = "row 4, column 'Finding Labels': is not a list of the data set's classes"
    assert said in chestxray14.refusal().what


def test_a_comma_too_many_moves_no_column(chestxray14):
    chestxray14.rows[2][1] = "Cardiomegaly,Effusion"
    for ends in ((",", ","), ("", ","), ("", "")):
        chestxray14.ends = ends
        assert "row 4: does not have as many fields as the header" in chestxray14.refusal().what


def test_images_lie_in_twelve_folders_or_in_one(chestxray14):
    together = chestxray14.load()
    for number, row in enumerate(chestxray14.rows):
        place = chestxray14.path / "images" / f"images_{number % 3 + 1:03d}" / "images"
        place.mkdir(parents=True, exist_ok=True)
        (chestxray14.path / "images" / row[0]).rename(place / row[0])
    apart = chestxray14.reload()
    assert apart.cases == together.cases
    assert apart.digest == together.digest
    for index in range(8):
        assert np.array_equal(apart.read(index).image, pixels(index))


def test_archives_that_are_still_packed_are_refused(chestxray14):
    chestxray14.write()
    folder = chestxray14.path / "images"
    folder.rename(chestxray14.path / "unpacked")
    with tarfile.open(folder, "w:gz") as archive:
        archive.add(chestxray14.path / "unpacked", "images")
    error = chestxray14.refusal(chestxray14.reload)
    assert "is not a folder" in error.what
    assert "files.images" in error.remedy
    folder.unlink()
    assert "does not exist" in chestxray14.refusal(chestxray14.reload).what


TESTED = ["00024680_003.png", "00027182_006.png", "00031415_007.png"]


def with_list(data: ChestXray14, content: bytes, split: str = "test") -> ChestXray14:
    (data.path / "test_list.txt").write_bytes(content)
    data.files = 'test_list = "test_list.txt"'
    data.more = f'split = "{split}"'
    return data


@pytest.mark.parametrize("form", ["{}\n{}\n{}", "{}\r\n{}\r\n{}\r\n", "\ufeff{}\n{}\n\n{}\n"])
def test_the_published_list_says_what_is_tested_on(chestxray14, form):
    content = form.format(*TESTED).encode()
    test = with_list(chestxray14, content).load()
    assert [case.id for case in test.cases] == TESTED
    train = with_list(chestxray14, content, "train").load()
    assert len(train.cases) == 5
    assert not {case.patient for case in train.cases} & {case.patient for case in test.cases}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\n".join(TESTED)[:-3].encode(), "test_list.txt row 3: is not the name of an image"),
        (
            b"00024680_003.png,00027182_006.png\n",
            "test_list.txt row 1: is not the name of an image",
        ),
        (b"00024680_003.png\n00027182\n", "test_list.txt row 2: is not the name of an image"),
        (b"00024680_003.png\n\xff\xfe", "test_list.txt is not a UTF-8 text file"),
    ],
)
def test_a_list_cut_off_or_of_another_form_is_refused(chestxray14, content, said):
    assert said in with_list(chestxray14, content).refusal().what


def test_a_list_of_other_images_leaves_nothing(chestxray14):
    said = with_list(chestxray14, b"00099999_000.png\n").refusal().what
    assert "no row is left after split 'test'" in said


def test_a_patient_on_both_sides_is_refused(chestxray14):
    said = with_list(chestxray14, b"00013579_001.png\n00024680_003.png\n").refusal().what
    assert "rows 2 and 3 belong to the same patient, but to the splits 'train' and 'test'" in said


@pytest.mark.parametrize("column", ["Image Index", "Finding Labels", "Patient ID"])
def test_a_missing_column_is_refused_with_those_there(chestxray14, column):
    chestxray14.header = chestxray14.header.replace(column, "Something")
    error = chestxray14.refusal()
    assert f"has no column ['{column}'], which files of 'chestxray14' have" in error.what
    assert "Something" in error.remedy


def test_the_list_of_another_publisher_is_refused(chestxray14, tmp_path):
    chestxray14.write()
    other = PadChest(tmp_path / "other")
    other.write()
    (other.path / other.labels).replace(chestxray14.path / chestxray14.labels)
    assert "which files of 'chestxray14' have" in chestxray14.refusal(chestxray14.reload).what


def test_the_masks_of_another_data_set_are_refused(chestxray14, tmp_path):
    chestxray14.write()
    other = PadChest(tmp_path / "other")
    other.write()
    (other.path / other.masks).replace(chestxray14.path / chestxray14.masks)
    assert "lists none of the data set's images" in chestxray14.refusal(chestxray14.reload).what


@pytest.mark.parametrize("ends", [(",", ","), ("", ","), ("", "")])
@pytest.mark.parametrize("fields", range(1, 11))
def test_a_list_cut_off_in_a_row_is_refused_with_the_row(chestxray14, fields, ends):
    chestxray14.ends = ends
    chestxray14.write()
    labels = chestxray14.path / chestxray14.labels
    *lines, last = labels.read_text().splitlines()
    labels.write_text("\n".join([*lines, ",".join(last.split(",")[:fields])]))
    said = chestxray14.refusal(chestxray14.reload).what
    assert "row 9: does not have as many fields as the header" in said


def test_images_cut_off_and_masks_of_another_size_are_refused_with_the_row(chestxray14):
    chestxray14.masked[1] |= {"Height": "12", "Width": "10"}
    dataset = chestxray14.load()
    cut(chestxray14.place_of(0))
    said = chestxray14.bad_read(dataset, 0)
    assert "row 2, column 'Image Index': the image cannot be decoded" in said
    said = chestxray14.bad_read(dataset, 1)
    assert "(ChestX-Ray8.csv row 3, column 'Left Lung')" in said
    assert "the mask is 10 x 12 pixels, the image 12 x 10" in said


def test_wrong_rows_are_refused_all_at_once(chestxray14):
    chestxray14.rows[0][3] = ""
    chestxray14.rows[2][0] = chestxray14.rows[1][0]
    chestxray14.write()
    chestxray14.place_of(4).unlink()
    said = chestxray14.refusal(chestxray14.reload).what
    assert "row 2, column 'Patient ID': the patient is missing" in said
    assert "row 6, column 'Image Index': the file does not exist" in said
    assert "rows 3, 4 have the same id" in said


def test_the_card_of_the_zoo_is_external_to_padchest(chestxray14, monkeypatch):
    chestxray14.masked[1]["Dice RCA (Mean)"] = "0.7"
    chestxray14.write()
    labels = chestxray14.path / chestxray14.labels
    labels.rename(labels.with_name("Data_Entry_2017_v2020.csv"))
    dataset = zoo_card("chestxray14", chestxray14, "CHESTXRAY14", monkeypatch)
    assert [case.row for case in dataset.cases] == [2, *range(4, 10)]
    assert dataset.cases[2].labels == dict.fromkeys(
        ("cardiomegaly", "pneumonia", "atelectasis", "pneumothorax", "effusion"), 1
    )
    assert describe(dataset).internal == "padchest-test"
    assert dataset.read(0).regions["right-lung"].any()
