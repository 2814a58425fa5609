"""PadChest: which rows are kept as what, and what is said of a copy that is not as published."""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from audit_suite.datasets import describe

sys.path.insert(0, str(Path(__file__).parent))
from published import (
    SHAPE,
    ChestXray14,
    PadChest,
    box,
    cut,
    pixels,
    save,
    write_csv,
    zoo_card,
)


@pytest.fixture
def padchest(tmp_path):
    return PadChest(tmp_path)


def rows(dataset) -> list[int]:
    return [case.row for case in dataset.cases]


def test_reads_the_files_as_published(padchest):
    dataset = padchest.load()
    assert len(dataset.cases) == 12
    case = dataset.cases[1]
    assert case.id == padchest.rows[1]["ImageID"]
    assert (case.patient, case.row) == (padchest.rows[1]["PatientID"], 3)
    assert case.labels == {"cardiomegaly": 1, "effusion": 1}
    assert case.metadata == {"birth_year": "1931", "sex": "M", "projection": "PA"}
    assert case.quality == pytest.approx(0.76)
    assert dataset.cases[2].labels == {"cardiomegaly": 0, "effusion": 0}
    assert dataset.cases[0].patient == case.patient != dataset.cases[2].patient
    sample = dataset.read(1)
    assert sample.image.dtype == np.uint16
    assert np.array_equal(sample.image, pixels(1, np.uint16))
    assert np.array_equal(sample.regions["left-lung"], box(2, 7, 8, 11))
    assert np.array_equal(sample.regions["right-lung"], box(2, 1, 8, 5))
    assert np.array_equal(sample.regions["heart"], box(5, 4, 9, 8))


def test_the_record_holds_nothing_of_a_patient_or_a_report(padchest):
    padchest.rows[3]["Projection"] = "L"
    said = describe(padchest.load()).model_dump_json()
    assert '"n_patients":6' in said
    assert not [secret for secret in padchest.secrets if secret in said]


def test_a_packed_table_reads_the_same(padchest):
    plain = padchest.load()
    padchest.card = padchest.card.replace(".csv", ".csv.gz")
    for name, table in ((padchest.labels, padchest.rows), (padchest.masks, padchest.masked)):
        (padchest.path / name).unlink()
        write_csv(padchest.path / f"{name}.gz", table)
    packed = padchest.reload()
    assert packed.cases == plain.cases
    assert np.array_equal(packed.read(3).regions["heart"], plain.read(3).regions["heart"])


@pytest.mark.parametrize(
    ("text", "cardiomegaly", "effusion"),
    [
        ("['cardiomegaly']", 1, 0),
        ("[' Cardiomegaly ', '']", 1, 0),
        ("['PLEURAL EFFUSION', 'nan']", 0, 1),
        ("['cardiomegaly', 'pleural effusion', 'cardiomegaly']", 1, 1),
        ('["cardiomegaly"]', 1, 0),
        ("['suspicious cardiomegaly', 'effusion', 'loculated pleural effusion']", 0, 0),
        ("['Unchanged normal', 'excluded']", 0, 0),
        ("['normal']", 0, 0),
    ],
)
def test_labels_are_whole_entries_of_a_list_whatever_blanks_and_capitals(
    padchest, text, cardiomegaly, effusion
):
    padchest.rows[2]["Labels"] = text
    case = padchest.load().cases[2]
    assert case.labels == {"cardiomegaly": cardiomegaly, "effusion": effusion}


@pytest.mark.parametrize("text", ["", "nan", "[]", "['']", "[' ', '']"])
def test_rows_without_labels_are_left_out_and_counted(padchest, text):
    padchest.rows[2]["Labels"] = text
    dataset = padchest.load()
    assert rows(dataset) == [2, 3, *range(5, 14)]
    assert dataset.excluded == (f"1 rows of {padchest.labels}: labels missing",)


@pytest.mark.parametrize(
    "text",
    [
        "cardiomegaly",
        "['cardiomegaly'",
        "'cardiomegaly'",
        "('cardiomegaly',)",
        "{'cardiomegaly': 1}",
        "[1]",
        "[nan]",
        "[['cardiomegaly']]",
        "None",
        "Jane Zimmer",
        "open('secret')",
        "(" * 300,
        "['a' for _ in (1,)]",
    ],
)
def test_labels_that_are_no_list_are_refused_with_the_row(padchest, text):
    padchest.rows[2]["Labels"] = text
    assert "row 4, column 'Labels': is not a list of labels" in padchest.refusal().what


@pytest.mark.parametrize(
    ("projection", "kept"),
    [
        *((name, True) for name in ("PA", "AP", "AP_horizontal")),
        *((name, False) for name in ("L", "COSTAL", "EXCLUDE", "UNK", "pa", "")),
    ],
)
def test_frontal_projections_are_kept(padchest, projection, kept):
    padchest.rows[2]["Projection"] = projection
    dataset = padchest.load()
    assert (4 in rows(dataset)) == kept
    said = () if kept else (f"1 rows of {padchest.labels}: projection not frontal",)
    assert dataset.excluded == said
    if kept:
        assert dataset.cases[2].metadata["projection"] == projection


@pytest.mark.parametrize("label", ["suboptimal study", "exclude", "Unchanged", " Exclude "])
def test_studies_that_radiologists_leave_out_are_left_out_and_counted(padchest, label):
    padchest.rows[2]["Labels"] = f"['cardiomegaly', '{label}']"
    dataset = padchest.load()
    assert 4 not in rows(dataset)
    said = label.strip().lower()
    assert dataset.excluded == (f"1 rows of {padchest.labels}: labelled {said}",)


@pytest.mark.parametrize(
    "lines",
    [
        "{a}\n{b}\n",
        "\ufeff{a}\r\n{b}\r\n",
        '"{a}",\n\n"{b}"',
        # as the paper's authors keep it: whole rows of the table, and a path
        ',0,{a},0,20140915,1234,PA,"[\'normal\']","text, more",data/raw/0/{a}\n1,{b},1,x,data/raw/1/{b}\n',
    ],
)
def test_images_on_the_list_of_invalid_ones_are_left_out(padchest, lines):
    names = {"a": padchest.rows[2]["ImageID"], "b": padchest.rows[5]["ImageID"]}
    padchest.card = padchest.card.replace("[files]", '[files]\ninvalid = "invalid.csv"')
    (padchest.path / "invalid.csv").write_bytes(lines.format(**names).encode())
    dataset = padchest.load()
    assert rows(dataset) == [2, 3, 5, 6, *range(8, 14)]
    assert dataset.excluded == (f"2 rows of {padchest.labels}: on the list of invalid images",)


@pytest.mark.parametrize("content", [b"00000001_000.png\n", b"", b"\xff\xfe\x00"])
def test_a_list_of_other_images_is_refused_not_ignored(padchest, content):
    padchest.card = padchest.card.replace("[files]", '[files]\ninvalid = "invalid.csv"')
    (padchest.path / "invalid.csv").write_bytes(content)
    assert "invalid.csv" in padchest.refusal().what


def test_images_lie_in_numbered_folders_or_all_in_one(padchest):
    numbered = padchest.load()
    for row in padchest.rows:
        padchest.image_of(row).rename(padchest.path / "images" / row["ImageID"])
    together = padchest.reload()
    assert together.cases == numbered.cases
    for index in range(12):
        assert np.array_equal(together.read(index).image, pixels(index, np.uint16))


def test_a_target_that_never_occurs_comes_with_classes_that_do(padchest):
    padchest.more = '[targets.infiltrates]\nroi = ["left-lung"]'
    padchest.card = padchest.card.replace("{more}\n", "") + "{more}"
    error = padchest.refusal()
    assert "key 'targets.infiltrates': no image of" in error.what
    assert "pneumothorax" in error.remedy
    padchest.more = ""
    padchest.card = padchest.card.replace('column = "pleural effusion"\n', "")
    assert "has the class 'effusion'" in padchest.refusal().what


@pytest.mark.parametrize(
    ("column", "value", "name", "said"),
    [
        ("PatientBirth", "1950.0", "birth_year", "1950"),
        ("PatientBirth", "1950", "birth_year", "1950"),
        ("PatientBirth", "", "birth_year", ""),
        ("PatientBirth", "nan", "birth_year", ""),
        ("PatientBirth", "12/1950", "birth_year", ""),
        ("PatientSex_DICOM", "F", "sex", "F"),
        ("PatientSex_DICOM", "None", "sex", ""),
        ("PatientSex_DICOM", "O", "sex", ""),
    ],
)
def test_metadata_that_is_none_is_blank(padchest, column, value, name, said):
    padchest.rows[2][column] = value
    assert padchest.load().cases[2].metadata[name] == said


def test_other_metadata_by_name_and_a_filter_on_it(padchest):
    padchest.card = padchest.card.replace('"projection"]', '"manufacturer", "view", "pediatric"]')
    padchest.rows[2]["Pediatric"] = "PED"
    case = padchest.load().cases[2]
    assert case.metadata["manufacturer"] == "ImagingDynamicsCompanyLtd"
    assert (case.metadata["view"], case.metadata["pediatric"]) == ("POSTEROANTERIOR", "PED")
    padchest.more = 'filter = { sex = ["F"], pediatric = "No" }'
    assert rows(padchest.load()) == [
        row + 2
        for row, values in enumerate(padchest.rows)
        if values["PatientSex_DICOM"] == "F" and values["Pediatric"] == "No"
    ]
    padchest.more = 'filter = { PatientID = "1" }'
    error = padchest.refusal()
    assert "'metadata' or 'filter' names ['PatientID']" in error.what
    assert "birth_year" in error.remedy


def test_an_image_without_masks_is_refused_when_read(padchest):
    padchest.masked[3]["Left Lung"] = ""
    del padchest.masked[2]
    dataset = padchest.load()
    assert dataset.cases[2].quality is None
    assert "row 4, column 'ImageID': the image has no mask of left-lung, right-lung" in (
        padchest.bad_read(dataset, 2)
    )
    assert "row 5" in padchest.bad_read(dataset, 3)
    assert "no mask of left-lung" in padchest.bad_read(dataset, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Height": "12", "Width": "10"}, "the mask is 10 x 12 pixels, the image 12 x 10"),
        ({"Height": "20", "Width": "24"}, "the mask is 24 x 20 pixels, the image 12 x 10"),
        ({"Left Lung": "1 4 9"}, "the mask has a run without a length"),
        ({"Left Lung": f"{SHAPE[0] * SHAPE[1]} 2"}, "the mask has runs outside an image"),
        ({"Left Lung": "1 5 3 2"}, "the mask has runs that overlap"),
    ],
)
def test_masks_that_are_not_of_the_image_are_refused_with_table_row_and_column(
    padchest, change, said
):
    padchest.masked[2] |= change
    what = padchest.bad_read(padchest.load(), 2)
    assert said in what
    assert re.search(r"\(Padchest.csv row 7, column '(Left|Right) Lung'\)", what)


def test_masks_of_the_scaled_images_do_not_fit_those_as_published(padchest):
    padchest.write()
    for row in padchest.rows:
        save(padchest.image_of(row), pixels(0, np.uint16, (20, 24)))
    assert "the mask is 12 x 10 pixels, the image 24 x 20" in padchest.bad_read(padchest.reload())


def test_regions_that_chexmask_has_not_are_refused(padchest):
    padchest.card = padchest.card.replace('["left-lung", "right-lung"]', '["lungs"]')
    error = padchest.refusal()
    assert "key 'targets.cardiomegaly.roi' names ['lungs']" in error.what
    assert "heart, left-lung, right-lung" in error.remedy


@pytest.mark.parametrize("column", ["ImageID", "ImageDir", "PatientID", "Projection", "Labels"])
def test_a_missing_column_is_refused_with_those_there(padchest, column):
    padchest.write()
    for row in padchest.rows:
        del row[column]
    write_csv(padchest.path / padchest.labels, padchest.rows)
    error = padchest.refusal(padchest.reload)
    assert f"has no column ['{column}'], which files of 'padchest' have" in error.what
    assert "PatientBirth" in error.remedy


def test_two_columns_of_one_name_are_refused(padchest):
    padchest.write()
    path = padchest.path / padchest.labels
    path.write_text(path.read_text().replace("MethodLabel", "Labels"))
    assert (
        "row 1: columns 19, 20 do not have names of their own"
        in padchest.refusal(padchest.reload).what
    )


def test_the_list_of_another_publisher_is_refused(padchest, tmp_path):
    padchest.write()
    other = ChestXray14(tmp_path / "other")
    other.path.mkdir()
    other.write()
    (other.path / other.labels).replace(padchest.path / padchest.labels)
    assert "which files of 'padchest' have" in padchest.refusal(padchest.reload).what


def test_a_table_that_is_missing_or_no_text(padchest):
    padchest.write()
    path = padchest.path / padchest.labels
    path.write_bytes(gzip.compress(path.read_bytes()))  # packed, but not named so
    assert "is not UTF-8 text" in padchest.refusal(padchest.reload).what
    path.unlink()
    error = padchest.refusal(padchest.reload)
    assert "does not exist" in error.what
    assert "files.labels" in error.remedy


@pytest.mark.parametrize("share", [0.35, 0.5, 0.75, 0.95])
def test_a_table_cut_off_in_a_row_is_refused_with_the_row(padchest, share):
    padchest.write()
    cut(padchest.path / padchest.labels, share)
    said = padchest.refusal(padchest.reload).what
    assert re.search(r"row \d+: does not have as many fields|cannot be read after row \d+", said)


def test_a_packed_table_cut_off_is_refused(padchest):
    padchest.write()
    padchest.card = padchest.card.replace("01.02.19.csv", "01.02.19.csv.gz")
    path = write_csv(padchest.path / f"{padchest.labels}.gz", padchest.rows)
    cut(path, 0.8)
    assert "cannot be read after row" in padchest.refusal(padchest.reload).what


def test_images_cut_off_empty_or_of_no_format_are_refused_with_the_row(padchest):
    dataset = padchest.load()
    cut(padchest.image_of(padchest.rows[0]))
    padchest.image_of(padchest.rows[1]).write_bytes(b"")
    padchest.image_of(padchest.rows[2]).write_text("Jane Zimmer")
    said = [padchest.bad_read(dataset, index) for index in range(3)]
    assert "row 2, column 'ImageID': the image cannot be decoded" in said[0]
    assert "row 3, column 'ImageID': the image is not in a format" in said[1]
    assert "row 4, column 'ImageID': the image is not in a format" in said[2]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("PatientID", "", "row 4, column 'PatientID': the patient is missing"),
        ("ImageID", "none.png", "row 4, column 'ImageID': the file does not exist"),
        ("ImageID", "", "row 4, column 'ImageID': the file does not exist"),
        ("ImageID", "a sentence " * 40, "row 4, column 'ImageID': the file does not exist"),
    ],
)
def test_wrong_rows_are_refused(padchest, column, value, said):
    padchest.write()
    padchest.rows[2][column] = value
    write_csv(padchest.path / padchest.labels, padchest.rows)
    assert said in padchest.refusal(padchest.reload).what


def test_an_image_listed_twice_is_refused(padchest):
    padchest.rows[3]["ImageID"] = padchest.rows[2]["ImageID"]
    padchest.rows[3]["ImageDir"] = padchest.rows[2]["ImageDir"]
    said = padchest.refusal().what
    assert "rows 4, 5 have the same id" in said
    assert "rows 4, 5 have the same image" in said


def test_missing_images_are_left_out_where_the_card_allows_it(padchest):
    padchest.write()
    padchest.image_of(padchest.rows[2]).unlink()
    assert "on_bad_image" in padchest.refusal(padchest.reload).remedy
    padchest.more = 'on_bad_image = "exclude"'
    dataset = padchest.reload()
    assert rows(dataset) == [2, 3, *range(5, 14)]
    assert dataset.excluded == (
        f"{padchest.labels} row 4, column 'ImageID': the file does not exist",
    )


def test_the_cards_of_the_zoo_hold_a_fifth_of_the_patients_out(tmp_path, monkeypatch):
    data = PadChest(tmp_path, patients=40)
    data.masked[5]["Dice RCA (Mean)"] = "0.7"
    data.write()
    table = tmp_path / data.labels
    write_csv(table.with_suffix(".csv.gz"), data.rows)
    table.unlink()
    train, test = (
        zoo_card(f"padchest-{side}", data, "PADCHEST", monkeypatch) for side in ("train", "test")
    )
    patients = [{case.patient for case in dataset.cases} for dataset in (train, test)]
    assert [len(found) for found in patients] == [32, 8]
    assert not patients[0] & patients[1]
    assert len(train.cases) + len(test.cases) == 79, "one image's masks are too poor"
    for dataset in (train, test):
        assert sorted(dataset.card.targets) == sorted(dataset.cases[0].labels)
        for case in dataset.cases:
            assert set(case.labels.values()) == {case.row % 2}
            assert list(case.metadata) == ["birth_year", "sex", "projection"]
        assert np.array_equal(dataset.read(0).regions["left-lung"], box(2, 7, 8, 11))
    assert set(test.cases[0].labels) == {
        "cardiomegaly",
        "pneumonia",
        "atelectasis",
        "pneumothorax",
        "effusion",
    }


def test_the_recipe_of_the_zoo_finds_its_cards():
    from audit_suite.cards import load_dataset_card
    from audit_suite.training.recipe import load_recipe

    recipe = load_recipe(Path(__file__).parents[2] / "model_zoo/recipes/padchest-densenet121.toml")
    (data,) = recipe.data
    for name in (data.train, data.test, *data.external):
        card = load_dataset_card(recipe.path.parent / name)
        assert set(data.targets) == set(card.targets)
        assert {target.roi for target in card.targets.values()} == {("left-lung", "right-lung")}
