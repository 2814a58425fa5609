"""A folder of DICOM files: patients told apart by the header, and no identity in a case or message."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from audit_suite.datasets import describe
from audit_suite.datasets.readers import dicom as dicom_folder

sys.path.insert(0, str(Path(__file__).parent))
from published import SHAPE, DicomFolder, box, cut, pixels, save, write_csv, zoo_card


@pytest.fixture
def dicom(tmp_path):
    return DicomFolder(tmp_path)


def by_file(dicom: DicomFolder) -> DicomFolder:
    for number, row in enumerate(dicom.rows):
        del row["sop_instance_uid"]
        row["file"] = dicom.files[number]
    return dicom


def write_rows(dicom: DicomFolder) -> None:
    write_csv(dicom.root / "labels.csv", dicom.rows)


@pytest.mark.parametrize("key", ["sop_instance_uid", "file"])
def test_reads_images_masks_labels_and_metadata_by_uid_or_by_file(dicom, key):
    dataset = (dicom if key == "sop_instance_uid" else by_file(dicom)).load()
    assert [case.row for case in dataset.cases] == list(range(2, 10))
    assert [case.labels for case in dataset.cases] == [{"pneumonia": 0}, {"pneumonia": 1}] * 4
    tags = {"dicom.sex": "F", "dicom.manufacturer": "Philips", "site": "north"}
    for index, case in enumerate(dataset.cases):
        assert case.metadata == tags
        sample = dataset.read(index)
        stored = (pixels(index, np.uint16) >> 4).astype(float)
        assert np.array_equal(sample.image, np.round(stored / 4095 * 65535))
        assert np.array_equal(sample.regions["lungs"], box(1 + index % 3, 1, 8, 11))


def test_patients_are_told_apart_by_the_header_and_only_their_hash_is_kept(dicom):
    cases = dicom.load().cases
    assert [case.patient for case in cases] == [
        hashlib.sha256(f"MRN-0{number // 2}".encode()).hexdigest() for number in range(8)
    ]


@pytest.mark.parametrize("uid", [True, False])
def test_no_case_and_no_record_holds_an_identity(dicom, uid):
    by_file(dicom).write()
    if not uid:
        for number in range(8):
            dicom.header(number, SOPInstanceUID=None)
            dicom.mask(number).unlink()
    dataset = dicom.reload()
    assert len({case.id for case in dataset.cases}) == 8
    said = repr(dataset.cases) + describe(dataset).model_dump_json()
    assert not [secret for secret in dicom.secrets if secret.lower() in said.lower()]


def test_masks_go_by_the_file_name_where_that_is_of_one_file(dicom):
    dicom.files = [f"scan{number}.dcm" for number in range(8)]
    dicom.write()
    for number in range(8):
        dicom.mask(number).rename(dicom.mask(number).with_name(f"scan{number}.png"))
    dataset = dicom.reload()
    for index in range(8):
        mask = dataset.read(index).regions["lungs"]
        assert np.array_equal(mask, box(1 + index % 3, 1, 8, 11))


def test_a_mask_by_the_name_of_several_files_is_refused_not_given_to_all(dicom):
    dicom.write()
    dicom.mask(0).rename(dicom.mask(0).with_name("IM0000.png"))
    said = dicom.refusal(dicom.reload).what
    assert "row 2, column 'sop_instance_uid': several files share the name of its mask" in said
    assert "row 4" not in said, "its mask goes by UID"


def test_files_need_no_ending_and_other_files_are_passed_over(dicom):
    dicom.files = [name.replace(".dcm", "") for name in dicom.files]
    dicom.write()
    (dicom.root / "README.txt").write_text("not an image")
    (dicom.root / "DICOMDIR.bak").write_bytes(b"\0" * 200)
    assert len(dicom.reload().cases) == 8


def test_a_filter_on_a_column_of_the_table(dicom):
    dicom.rows[6]["site"] = dicom.rows[7]["site"] = "south"
    dicom.more = 'filter = { site = ["south"] }'
    dataset = dicom.load()
    assert [case.row for case in dataset.cases] == [8, 9]
    assert dataset.cases[0].metadata["site"] == "south"


def test_a_row_without_a_file_is_refused_or_left_out(dicom):
    dicom.write()
    dicom.image(3).unlink()
    where = "row 5, column 'sop_instance_uid': there is no DICOM file with that name"
    error = dicom.refusal(dicom.reload)
    assert where in error.what
    assert "on_bad_image" in error.remedy
    dicom.more = 'on_bad_image = "exclude"'
    dataset = dicom.reload()
    assert [case.row for case in dataset.cases] == [2, 3, 4, 6, 7, 8, 9]
    assert dataset.excluded == (f"labels.csv {where}",)


def test_files_without_a_row_are_refused_and_counted(dicom):
    dicom.write()
    dicom.rows = dicom.rows[:6]
    write_rows(dicom)
    assert "2 DICOM files under the root have no row in the table" in (
        dicom.refusal(dicom.reload).what
    )


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"PatientID": None}, "row 5, column 'sop_instance_uid': the file's header names no"),
        ({"PatientID": ""}, "row 5, column 'sop_instance_uid': the file's header names no"),
        ({"SOPInstanceUID": None}, "file 4 under the root has no SOP instance UID"),
        (
            {"SOPInstanceUID": DicomFolder.uid(0)},
            "two files under the root have the same SOP instance",
        ),
    ],
)
def test_headers_that_do_not_tell_patient_and_image_are_refused(dicom, tags, said):
    dicom.write()
    dicom.header(3, **tags)
    assert said in dicom.refusal(dicom.reload).what


def test_a_blank_uid_in_the_table_never_meets_a_file_without_one(dicom):
    dicom.write()
    dicom.header(3, SOPInstanceUID=None)
    dicom.rows[3]["sop_instance_uid"] = ""
    write_rows(dicom)
    said = dicom.refusal(dicom.reload).what
    assert "row 5, column 'sop_instance_uid': there is no DICOM file with that name" in said


def test_a_file_that_is_no_dicom_but_named_so_is_refused_by_number(dicom):
    dicom.write()
    dicom.image(3).write_text("Jane Zimmer")
    assert "file 4 under the root is not a DICOM file" in dicom.refusal(dicom.reload).what


def test_a_file_that_cannot_be_opened_is_refused_without_its_name(dicom, monkeypatch):
    dicom.write()
    is_dicom = dicom_folder.is_dicom

    def locked(path: Path) -> bool:
        if path == dicom.image(3):
            raise PermissionError(13, "Permission denied", str(path))
        return is_dicom(path)

    monkeypatch.setattr(dicom_folder, "is_dicom", locked)
    said = dicom.refusal(dicom.reload).what
    assert "file 4 under the root cannot be read (Permission denied)" in said


def test_files_cut_off_are_refused_with_the_row(dicom):
    dicom.write()
    whole = dicom.image(3).read_bytes()
    dicom.image(3).write_bytes(whole[:-20])
    said = dicom.bad_read(dicom.reload(), 3)
    assert "labels.csv row 5, column 'sop_instance_uid': the image cannot be decoded" in said
    for share in (0.1, 0.3, 0.5):  # in the header: no patient, no UID, or no file at all
        dicom.image(3).write_bytes(whole)
        cut(dicom.image(3), share)
        said = dicom.refusal(dicom.reload).what
        assert re.search(
            r"file 4 under the root |row 5, column 'sop_instance_uid': the file's", said
        )


@pytest.mark.parametrize("key", ["sop_instance_uid", "file"])
def test_two_rows_of_one_file_are_refused(dicom, key):
    if key == "file":
        by_file(dicom)
    dicom.rows[3] = dicom.rows[2]
    said = dicom.refusal().what
    assert "rows 4, 5 have the same id" in said
    assert "1 DICOM files under the root have no row" in said


@pytest.mark.parametrize(
    ("label", "said"),
    [("", "is missing"), ("2", "is not 0 or 1"), ("Jane", "is not 0 or 1")],
)
def test_labels_that_are_none_are_refused_with_the_row(dicom, label, said):
    dicom.rows[3]["pneumonia"] = label
    assert f"row 5, column 'pneumonia': the label {said}" in dicom.refusal().what


@pytest.mark.parametrize("column", ["sop_instance_uid", "pneumonia", "site"])
def test_a_missing_column_is_refused_with_those_there(dicom, column):
    for row in dicom.rows:
        row["Something"] = row.pop(column)
    error = dicom.refusal()
    assert "Something" in error.what
    assert column in error.remedy


def test_a_table_cut_off_in_a_row_is_refused_with_the_row(dicom):
    dicom.write()
    labels = dicom.root / "labels.csv"
    labels.write_text(labels.read_text().rpartition(",")[0])
    assert "labels.csv row 9: does not have as many fields" in dicom.refusal(dicom.reload).what


@pytest.mark.parametrize("tag", ["patient_name", "patient_id", "study_date", "PatientName"])
def test_tags_that_can_identify_may_not_be_asked_for(dicom, tag):
    dicom.card = dicom.card.replace("dicom.sex", f"dicom.{tag}")
    error = dicom.refusal()
    assert "only tags that cannot identify are read" in error.what
    assert "dicom.manufacturer" in error.remedy


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.ones((12, 10), np.uint8), "the mask is 10 x 12 pixels, the image 12 x 10"),
        (np.zeros(SHAPE, np.uint8), "the mask is empty"),
        (np.ones((*SHAPE, 3), np.uint8), "the mask has 3 channels instead of one"),
    ],
)
def test_masks_that_do_not_fit_are_refused_with_the_row(dicom, mask, said):
    dataset = dicom.load()
    save(dicom.mask(3), mask)
    what = dicom.bad_read(dataset, 3)
    assert f"labels.csv row 5, column 'sop_instance_uid': {said}" in what


def test_an_image_without_a_mask_is_refused_when_read(dicom):
    dicom.write()
    dicom.mask(3).unlink()
    said = dicom.bad_read(dicom.reload(), 3)
    assert "row 5, column 'sop_instance_uid': the image has no mask of lungs" in said
    dicom.card = dicom.card.replace('masks = "masks"\n', "")
    assert "the image has no mask of lungs" in dicom.bad_read(dicom.reload(), 0)


def test_one_mask_an_image_cannot_show_two_regions(dicom):
    dicom.card = dicom.card.replace('["lungs"]', '["lungs", "heart"]')
    assert "names ['heart', 'lungs'], but 'files.masks' holds one mask" in dicom.refusal().what


def test_the_masks_folder_must_be_a_folder(dicom):
    dicom.card = dicom.card.replace('masks = "masks"', 'masks = "labels.csv"')
    assert "is not a folder" in dicom.refusal().what


def test_the_digest_is_of_pixels_and_masks(dicom):
    first = dicom.load().digest
    assert dicom.load().digest == first
    save(dicom.mask(3), box(1, 1, 8, 10))
    second = dicom.reload().digest
    dicom.header(3, PixelData=bytes(2 * SHAPE[0] * SHAPE[1]))
    assert len({first, second, dicom.reload().digest}) == 3


def test_the_card_of_the_zoo_is_an_example_to_copy(dicom, monkeypatch):
    dicom.write()
    dicom.path = dicom.root
    dataset = zoo_card("dicom-folder", dicom, "DICOM_DATA", monkeypatch)
    assert len(dataset.cases) == 8
    assert dataset.cases[0].metadata["dicom.manufacturer"] == "Philips"
    assert np.array_equal(dataset.read(1).regions["lungs"], box(2, 1, 8, 11))
