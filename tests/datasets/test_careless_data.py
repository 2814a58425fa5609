"""Data sets as careless people and machines leave them: read right, reported, or refused with the row."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import MediaStorageDirectoryStorage

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import Case, Dataset, describe, load_dataset
from audit_suite.datasets.files.copies import copies
from audit_suite.datasets.tags import is_missing, with_numbers
from audit_suite.errors import AuditError
from audit_suite.needs.classifier import cross_validated_auroc, tabular

sys.path.insert(0, str(Path(__file__).parent))
from cards import dataset_card
from published import DicomFolder, write_csv
from test_manifest import Folder


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def dicom(tmp_path):
    return DicomFolder(tmp_path)


# --- patients ---


@pytest.mark.parametrize(
    "word", ["", "nan", "NaN", "NULL", "NA", "n/a", "None", "<NA>", "NaT", "-", " "]
)
def test_a_word_for_unknown_is_no_patient(folder, word):
    folder.rows[2]["patient_id"] = folder.rows[6]["patient_id"] = word
    assert [
        f"row {row}, column 'patient_id': the patient is missing" in folder.error().what
        for row in (4, 8)
    ] == [True] * 2


def test_patients_of_one_id_are_refused(folder):
    for row in folder.rows:
        row["patient_id"], row["split"] = "secret", "test"
    assert "all rows with a patient name the same one in 'patient_id'" in folder.error().what


def test_one_patient_id_in_all_files_is_refused_until_a_column_gives_patients(dicom):
    dicom.write()
    for number in range(8):
        dicom.header(number, PatientID="ANON")
    said = str(dicom.refusal(dicom.reload))
    assert (
        "one PatientID in all files: the export was de-identified; give patients in a column"
        in said
    )
    for number, row in enumerate(dicom.rows):
        row["patient_id"] = f"MRN-{number // 2}"
    write_csv(dicom.root / "labels.csv", dicom.rows)
    dataset = dicom.reload()
    assert len({case.patient for case in dataset.cases}) == 4
    assert not any("MRN" in case.patient for case in dataset.cases)
    dicom.rows[3]["patient_id"] = "nan"
    write_csv(dicom.root / "labels.csv", dicom.rows)
    assert "row 5, column 'patient_id': the patient is missing" in str(dicom.refusal(dicom.reload))


# --- other things among DICOM images ---


def other(dicom, number, **tags) -> None:
    """A DICOM file that is none of the listed images."""
    dicom.files.append(f"other-{number}.dcm")
    dicom.header(len(dicom.files) - 1, SOPInstanceUID=f"9.{number}", **tags)


def test_a_dicomdir_is_passed_over(dicom):
    dicom.write()
    dicom.files.append("DICOMDIR")
    dicom.header(8, Rows=None, Columns=None, SOPInstanceUID=None)
    header = dcmread(dicom.image(8))
    header.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    header.save_as(dicom.image(8))
    dataset = dicom.reload()
    assert (len(dataset.cases), dataset.excluded) == (8, ())


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"Rows": None, "Columns": None}, "holds no image, but a report or presentation state"),
        ({"SOPInstanceUID": None}, "has no SOP instance UID"),
    ],
)
def test_files_that_are_no_images_obey_on_bad_image(dicom, tags, said):
    dicom.write()
    other(dicom, 1)
    dicom.header(8, **tags)
    assert said in str(dicom.refusal(dicom.reload))
    dicom.more = 'on_bad_image = "exclude"'
    dataset = dicom.reload()
    assert len(dataset.cases) == 8
    assert said in dataset.excluded[0]


def test_an_image_without_a_patient_obeys_on_bad_image(dicom):
    dicom.write()
    dicom.header(5, PatientID=None)
    assert "row 7, column 'sop_instance_uid': the file's header names no patient" in str(
        dicom.refusal(dicom.reload)
    )
    dicom.more = 'on_bad_image = "exclude"'
    assert [case.row for case in dicom.reload().cases] == [2, 3, 4, 5, 6, 8, 9]


# --- equal images ---


def test_patients_who_share_an_image_file_are_one_and_the_report_says_so(folder):
    for first, second in ((0, 2), (2, 4)):
        shutil.copy(folder.path / f"{first}.png", folder.path / f"{second}.png")
    for row in folder.rows:
        row["split"] = "test"
    dataset = folder.load()
    assert [case.patient for case in dataset.cases] == ["secret-0"] * 6 + ["secret-3"] * 2
    record = describe(dataset)
    assert record.n_patients == 2
    assert record.notes == [
        "manifest.csv: 3 images are files that several patients have: these count as one patient"
    ]
    folder.more = 'repeated_images = "error"'
    assert "rows 2, 4, 6: one image under 3 patients" in folder.error().what


def test_an_image_of_another_split_is_left_out(folder):
    shutil.copy(folder.path / "1.png", folder.path / "6.png")
    folder.more = 'split = "test"'
    dataset = folder.load()
    assert [case.row for case in dataset.cases] == [6, 7, 9]
    assert dataset.excluded == ("1 rows of manifest.csv: the image is in another split too",)
    folder.more += '\nrepeated_images = "error"'
    assert "rows 8: images of another split too" in folder.error().what


def test_copies_of_one_patient_change_nothing(folder):
    shutil.copy(folder.path / "0.png", folder.path / "1.png")
    dataset = folder.load()
    assert (dataset.notes, len({case.patient for case in dataset.cases})) == ((), 4)


@given(st.lists(st.integers(0, 4), max_size=12), st.booleans())
def test_copies_are_the_files_of_equal_content(tmp_path_factory, kinds, long):
    here = tmp_path_factory.mktemp("copies")
    body = b"x" * (20_000 if long else 3)
    contents = [body + bytes([kind]) * (kind // 3 + 1) + body for kind in kinds]
    paths = [here / str(number) for number in range(len(kinds))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    expected = {
        tuple(i for i, kind in enumerate(kinds) if kind == each)
        for each in set(kinds)
        if kinds.count(each) > 1
    }
    assert {tuple(group) for group in copies(len(paths), paths.__getitem__)} == expected
    shutil.rmtree(here)


# --- numbers ---


def tagged(folder, texts):
    card = dataset_card(folder, top='metadata = ["age"]')
    cases = tuple(
        Case(f"i{n}", f"p{n}", {"sick": n % 2}, {"age": text}, n + 2)
        for n, text in enumerate(texts)
    )
    return with_numbers(Dataset(card, "digest", cases, lambda index: None))


@pytest.mark.parametrize(
    "odd", ["NA", "nan", "", " ", ">89", "90+", "<1", "≥ 90", "adult", "1_0", "inf"]
)
@pytest.mark.parametrize("where", [0, 117])
def test_one_odd_value_leaves_a_column_of_numbers_a_column_of_numbers(tmp_path, odd, where):
    ages = [f"{30 + n / 20:.2f}" for n in range(200)]
    dataset = tagged(tmp_path, [*ages[:where], odd, *ages[where + 1 :]])
    plain = [case.metadata["age"] for case in dataset.cases]
    assert [*plain[:where], *plain[where + 1 :]] == [*ages[:where], *ages[where + 1 :]]
    expected = {">89": "89", "90+": "90", "<1": "1", "≥ 90": "90"}
    assert plain[where] == expected.get(odd, "")
    noted = odd in ("adult", "1_0", "inf")
    assert dataset.notes == (
        ("age of 1 images is no number, so it counts as unknown",) if noted else ()
    )
    features, make = tabular([[text] for text in plain])
    labels = (np.arange(200) + np.random.default_rng(1).normal(0, 60, 200) > 100).astype(int)
    auroc = cross_validated_auroc(features, labels, np.arange(200).astype(str), "d", make, 1, "a")
    assert auroc.value > 0.75


def test_words_and_codes_stay_as_they_are(tmp_path):
    for texts in (
        ["PA", "AP", "NA"] * 9,
        ["1", "2", "A3"] * 9,
        ["", "nan", "NA"] * 9,
        ["NA 7", "S1"] * 9,
    ):
        assert [case.metadata["age"] for case in tagged(tmp_path, texts).cases] == texts


def test_a_mixture_of_many_numbers_and_words_is_refused(tmp_path):
    texts = [str(n) for n in range(60)] + ["adult"] * 40
    with pytest.raises(
        AuditError, match="'age' is a number in part of the images and other text in 40"
    ):
        tagged(tmp_path, texts)


@given(st.text(max_size=12))
def test_any_text_is_a_number_a_word_or_missing(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("tags")
    dataset = tagged(folder, [str(n) for n in range(30)] + [text])
    last = dataset.cases[-1].metadata["age"]
    assert last == "" or np.isfinite(float(last))
    assert not (is_missing(text) and last)


# --- links and names ---


@pytest.mark.parametrize("column", ["image", "mask"])
def test_links_that_lead_out_of_the_root_are_refused_unless_the_card_follows_them(
    folder, tmp_path_factory, column
):
    outside = tmp_path_factory.mktemp("outside") / "real.png"
    name = folder.rows[3][column]
    shutil.move(folder.path / name, outside)
    (folder.path / name).symlink_to(outside)
    assert f"row 5, column '{column}': the file is a link that leads out" in folder.error().what
    folder.more = "follow_links = true"
    assert len(folder.load().cases) == 8
    folder.load().read(3)


def test_links_that_stay_inside_are_followed_and_loops_are_no_file(folder):
    (folder.path / "deep").mkdir()
    shutil.move(folder.path / "3.png", folder.path / "deep" / "3.png")
    (folder.path / "3.png").symlink_to("deep/3.png")
    folder.load().read(3)
    (folder.path / "3.png").unlink()
    (folder.path / "3.png").symlink_to("3.png")
    assert "the file does not exist" in folder.error().what


def test_linked_dicom_files_are_not_read_unless_the_card_follows_them(dicom, tmp_path_factory):
    dicom.write()
    outside = tmp_path_factory.mktemp("outside") / "real.dcm"
    shutil.move(dicom.image(3), outside)
    dicom.image(3).symlink_to(outside)
    assert "row 5, column 'sop_instance_uid': there is no DICOM file" in str(
        dicom.refusal(dicom.reload)
    )
    dicom.more = "follow_links = true"
    assert len(dicom.reload().cases) == 8


@pytest.mark.parametrize(
    "name",
    ["a\0.png", "x" * 5000, "/etc/passwd", "../3.png", "deep/../../3.png", ".", "~/3.png", "\n"],
)
def test_names_that_are_no_files_are_the_rows_fault(folder, name):
    folder.rows[3]["image"] = name
    assert (
        "row 5, column 'image'" in folder.error().what or "no file is named" in folder.error().what
    )


def test_files_that_cannot_be_opened_are_the_rows_fault(folder, monkeypatch):
    folder.load()
    real = Path.open

    def closed(path, *more, **others):
        if path.name == "3.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *more, **others)

    monkeypatch.setattr(Path, "open", closed)
    assert (
        "row 5, column 'image': the file cannot be read (Permission denied)" in folder.error().what
    )


# --- what messages hold ---


def test_a_table_without_a_header_shows_none_of_its_cells(folder, dicom):
    folder.load()
    lines = (folder.path / "manifest.csv").read_text().splitlines()
    for content in (
        lines[1:],
        [lines[1] + ",again", lines[1] + ",again"],
        ["Jane Doe,Jane Doe,secret-1"] * 3,
    ):
        (folder.path / "manifest.csv").write_text("\n".join(content))
        with pytest.raises(AuditError) as caught:
            load_dataset(load_dataset_card(folder.path / "card.toml"))
        assert not {"secret", "Jane", "m0.png"} & set(str(caught.value).replace(",", " ").split())
        assert "secret" not in str(caught.value)
    dicom.write()
    (dicom.root / "labels.csv").write_text("1.2.826.0,0,Zimmer^Jane\n1.2.826.1,1,Zimmer^Jane\n")
    said = str(dicom.refusal(dicom.reload))
    assert "do not have names of their own" in said or "is it a header?" in said


# --- burned-in text ---


def test_burned_in_text_is_known_from_headers_columns_and_the_card(dicom, folder):
    dicom.write()
    dicom.header(2, BurnedInAnnotation="YES")
    dicom.header(3, BurnedInAnnotation="NO")
    dataset = dicom.reload()
    assert [case.shown for case in dataset.cases] == [True, True, False, *[True] * 5]
    assert describe(dataset).notes == [
        "1 images have text burned in: they are audited, and never shown to people"
    ]
    assert all(case.shown for case in folder.load().cases)
    folder.more = "burned_in = true"
    assert not any(case.shown for case in folder.load().cases)


def test_a_column_says_yes_or_no(folder):
    for number, row in enumerate(folder.rows):
        row["marked"] = ["yes", "no", "", "1", "0", "TRUE", "False", "No"][number]
    folder.load()
    card = (
        (folder.path / "card.toml")
        .read_text()
        .replace("[columns]", '[columns]\nburned_in = "marked"')
    )
    (folder.path / "card.toml").write_text(card)
    dataset = load_dataset(load_dataset_card(folder.path / "card.toml"))
    assert [case.burned_in for case in dataset.cases] == [
        True,
        False,
        False,
        True,
        False,
        True,
        False,
        False,
    ]
    text = (folder.path / "manifest.csv").read_text().replace("TRUE", "maybe")
    (folder.path / "manifest.csv").write_text(text)
    with pytest.raises(AuditError, match="row 7, column 'marked': is not yes or no"):
        load_dataset(load_dataset_card(folder.path / "card.toml"))
