"""Tables of labels as people have them: what is loaded, and what is said of one thing wrong."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import audit_suite
from audit_suite.cards import Columns, load_dataset_card
from audit_suite.datasets import describe, load_dataset
from audit_suite.datasets.files.patients import patient_of
from audit_suite.datasets.files.tables import Row, read_rows
from audit_suite.errors import AuditError

sys.path.insert(0, str(Path(__file__).parent))
from published import DicomFolder

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "labels.md"
HEAD = 'schema = 1\nname = "d"\nreader = "manifest"\nmanifest = "m.csv"\n'
COUNT = 80


class Folder:
    """Tiny images beside a table; patients of both hospitals have the same numbers, two images each."""

    def __init__(self, path: Path) -> None:
        self.path, self.head, self.columns = path, HEAD, ""
        self.targets = {"pneumonia": "values = { Yes = 1, No = 0 }", "edema": ""}
        self.separator, self.encoding = ";", "utf-8"
        self.header = ["image", "hospital", "mrn", "pneumonia", "edema"]
        rng = np.random.default_rng(1)
        self.rows = []
        for i in range(COUNT):
            finding = i % 2
            picture = rng.normal(100 + 40 * finding, 20, (8, 8)).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(path / f"{i}.png")
            word = "Yes" if finding else "No"
            where = "nord" if i < COUNT // 2 else "süd"
            number = f"secret-{i // 2 % 20}"
            self.rows.append([f"{i}.png", where, number, word, str(i // 2 % 2)])

    def column(self, name: str, values: dict[int, str]) -> None:
        """Change some cells of a column, by image."""
        for row, value in values.items():
            self.rows[row][self.header.index(name)] = value

    def write(self) -> Path:
        lines = [self.separator.join(row) for row in (self.header, *self.rows)]
        (self.path / "m.csv").write_bytes("\r\n".join(lines).encode(self.encoding))
        columns = self.columns or 'patient = ["hospital", "mrn"]'
        targets = [f'[targets.{n}]\ncolumn = "{n}"\n{more}' for n, more in self.targets.items()]
        card = self.path / "card.toml"
        card.write_text("\n".join([self.head, f"[columns]\n{columns}", *targets]))
        return card

    def load(self):
        return load_dataset(load_dataset_card(self.write()))

    def refusal(self) -> str:
        """What and way out, in one line, without the folder's path."""
        with pytest.raises(AuditError) as caught:
            self.load()
        said = f"{caught.value.what} -> {caught.value.remedy}".replace(str(self.path), "")
        assert "secret" not in said
        assert caught.value.remedy
        return said


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def blanks(folder: Folder) -> None:
    """Two targets with blanks of their own, a -1, and two images without any label."""
    folder.column("pneumonia", dict.fromkeys(range(6), ""))
    folder.column("edema", {4: "NA", 5: "", 10: "-1", 11: "-1.0", 20: "", 21: "nan"})
    folder.targets["pneumonia"] += '\nmissing = "exclude"'
    folder.targets["edema"] = 'missing = "exclude"\nuncertain = "exclude"'


# What is loaded


def test_new_cases_need_neither_labels_nor_their_columns(folder):
    """What is there is read; images without a label stay."""
    folder.head = "unlabelled = true\n" + folder.head
    folder.column("pneumonia", dict.fromkeys(range(6), ""))
    folder.targets["effusion"] = ""
    dataset = folder.load()
    assert len(dataset.cases) == COUNT
    assert [dict(case.labels) for case in dataset.cases[:6]] == [
        {"edema": i // 2 % 2} for i in range(6)
    ]
    assert (dataset.labels_of("effusion") == -1).all()
    folder.column("pneumonia", {7: "perhaps"})
    assert "'pneumonia'" in folder.refusal(), "a word that nobody explained is still a fault"


def test_labelled_data_need_their_columns(folder):
    folder.targets["effusion"] = ""
    assert "targets.effusion.column = 'effusion': no such column" in folder.refusal()


def test_words_blanks_and_a_patient_of_two_columns_in_a_table_with_semicolons(folder):
    blanks(folder)
    dataset = folder.load()
    expected = []
    for i in (i for i in range(COUNT) if i not in (4, 5)):
        labels = {} if i < 6 else {"pneumonia": i % 2}
        expected.append(labels | ({} if i in (10, 11, 20, 21) else {"edema": i // 2 % 2}))
    assert [dict(case.labels) for case in dataset.cases] == expected
    assert [case.row for case in dataset.cases] == [i + 2 for i in range(COUNT) if i not in (4, 5)]
    assert len({case.patient for case in dataset.cases}) == 39, "20 of each, but one has no label"
    record = describe(dataset)
    assert (record.n_images, record.n_patients) == (78, 39)
    assert {n: (t.n_images, t.n_patients) for n, t in record.targets.items()} == {
        "pneumonia": (74, 37),
        "edema": (74, 37),
    }
    assert record.targets["pneumonia"].n_positive_images == 37
    assert record.excluded == ["2 rows of m.csv: no label of any target"]
    assert record.notes == [
        "m.csv: target 'pneumonia': the label of 4 images is missing: they are left out for this "
        "target alone",
        "m.csv: target 'edema': the label of 2 images is missing: they are left out for this "
        "target alone",
        "m.csv: target 'edema': the label of 2 images is uncertain: they are left out for this "
        "target alone",
    ]
    assert "secret" not in record.model_dump_json()


def test_rules_that_give_a_label_are_counted_and_keep_the_image(folder):
    blanks(folder)
    folder.targets["edema"] = 'missing = "negative"\nuncertain = "positive"'
    dataset = folder.load()
    edema = {case.row - 2: case.labels["edema"] for case in dataset.cases}
    assert [edema[i] for i in (4, 5, 20, 21, 10, 11)] == [0, 0, 0, 0, 1, 1]
    assert len(edema) == COUNT
    notes = describe(dataset).notes
    assert "m.csv: target 'edema': the label of 4 images is missing and counts as negative" in notes
    assert (
        "m.csv: target 'edema': the label of 2 images is uncertain and counts as positive" in notes
    )


def test_each_class_of_a_column_and_each_label_of_a_cell_may_be_a_target(folder):
    classes = ["covid", "Normal", "TB", "covid"]
    folder.column("pneumonia", {i: classes[i % 4] for i in range(COUNT)})
    folder.column("edema", {i: ["a|B", "b | c", "No Finding", ""][i % 4] for i in range(COUNT)})
    both = {
        "covid": 'column = "pneumonia"\nequals = "Covid"',
        "tb": 'column = "pneumonia"\nequals = "tb"',
        "a": 'column = "edema"\ncontains = "a"\nseparator = "|"\nmissing = "negative"',
        "b": 'column = "edema"\ncontains = "b"\nseparator = "|"\nmissing = "exclude"',
    }
    card = folder.write()
    start = card.read_text().split("[targets")[0]
    card.write_text(start + "\n".join(f"[targets.{n}]\n{more}" for n, more in both.items()))
    found = [dict(case.labels) for case in load_dataset(load_dataset_card(card)).cases[:4]]
    assert found == [
        {"covid": 1, "tb": 0, "a": 1, "b": 1},
        {"covid": 0, "tb": 0, "a": 0, "b": 1},
        {"covid": 0, "tb": 1, "a": 0, "b": 0},
        {"covid": 1, "tb": 0, "a": 0},
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_separator_and_a_byte_order_mark_give_the_same_data_set(folder, separator, encoding):
    before = folder.load()
    folder.separator, folder.encoding = separator, encoding
    after = folder.load()
    assert (after.cases, after.digest) == (before.cases, before.digest)


@settings(deadline=None)
@given(
    st.lists(
        st.text("ab ,;|\t\"'\n1é", max_size=6).map(str.strip).filter(bool),
        min_size=2,
        max_size=5,
        unique=True,
    ),
    st.sampled_from(",;\t|"),
)
def test_a_named_separator_reads_what_was_written(tmp_path_factory, names, mark):
    import csv

    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=mark).writerows([names, names[::-1]])
    ((row,)) = read_rows(path, "'manifest'", delimiter=mark)
    assert row.values == dict(zip(names, names[::-1], strict=True))


def test_quotes_in_the_header_hide_what_is_no_separator(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b'"a;b;c",d\n1,2\n'))
    (row,) = read_rows(tmp_path / "t.csv.gz", "'manifest'")
    assert row.values == {"a;b;c": "1", "d": "2"}


@given(
    st.lists(st.lists(st.text('a,"[]\\ ', min_size=1).filter(str.strip), min_size=2, max_size=2))
)
def test_no_two_patients_of_several_columns_become_one(pairs):
    columns = Columns(patient=["a", "b"])
    known = [pair for pair in pairs if not any(part.strip() == "" for part in pair)]
    named = [patient_of(columns, Row(2, dict(zip("ab", pair, strict=True)))) for pair in known]
    assert len(set(named)) == len({tuple(pair) for pair in known})
    assert patient_of(columns, Row(2, {"a": "x", "b": "NA"})) == ""


# Digests


def test_what_decides_a_label_is_in_the_digest(folder):
    before = folder.load().digest
    folder.targets["edema"] = 'missing = "error"\nuncertain = "error"\nuncertain_values = []'
    assert folder.load().digest == before, "keys at their defaults are no other data set"
    seen = {before}
    for change in (
        'missing = "exclude"',
        'uncertain = "negative"',
        'uncertain_values = ["U"]',
        "values = { 1 = 1, 0 = 0 }",
        'equals = "1"',
    ):
        folder.targets["edema"] = change
        seen.add(folder.load().digest)
    assert len(seen) == 6
    folder.targets["edema"] = ""
    folder.columns = 'patient = "mrn"'
    assert folder.load().digest not in seen


def test_a_left_out_label_is_another_data_set(folder):
    folder.targets["edema"] = 'missing = "exclude"'
    before = folder.load().digest
    folder.column("edema", {30: ""})
    assert folder.load().digest != before


# One thing wrong


def test_words_that_the_card_does_not_explain_come_with_the_line_to_write(folder):
    folder.targets["pneumonia"] = ""
    assert folder.refusal() == (
        "/m.csv: row 2 and 79 more, column 'pneumonia': the label is not 0 or 1 (the column holds "
        "No 40 times, Yes 40 times) -> correct these rows; or write under [targets.pneumonia] of "
        "card.toml what it means: values = { Yes = 1, No = 0 }"
    )


@pytest.mark.parametrize(
    ("target", "cell", "more", "words"),
    [
        ("edema", "", "", "row 9, column 'edema': the label is missing"),
        ("edema", "", "", '[targets.edema] of card.toml what it means: missing = "exclude"'),
        ("edema", "-1", "", "row 9, column 'edema': the label is uncertain"),
        ("edema", "-1.0", "", 'uncertain = "exclude" (for this target alone), "positive"'),
        ("edema", "2", "", "row 9, column 'edema': the label is not 0 or 1"),
        ("edema", "0,5", "", "row 9, column 'edema': the label is not 0 or 1"),
        ("pneumonia", "Maybe", None, "row 9, column 'pneumonia': the label is not among 'values'"),
        (
            "pneumonia",
            "No edema",
            'contains = "edema"',
            "row 9, column 'pneumonia': the label is a",
        ),
        (
            "pneumonia",
            "x",
            'equals = "yse"',
            "column 'pneumonia': no row has 'yse' (the column holds",
        ),
        ("pneumonia", "x", 'contains = "yse"', "correct targets.pneumonia.contains in card.toml"),
    ],
)
def test_one_wrong_label_is_named_with_its_row_and_the_way_out(folder, target, cell, more, words):
    folder.column(target, {7: cell})
    if more is not None:
        folder.targets[target] = more
    assert words in folder.refusal()


@pytest.mark.parametrize("name", ["hospital", "mrn"])
def test_a_patient_without_a_part_is_refused_by_row_and_column(folder, name):
    folder.column(name, {7: " "})
    assert f"row 9, column '{name}': the patient is missing" in folder.refusal()


def test_an_unknown_column_of_patients_is_refused_with_those_there(folder):
    folder.columns = 'patient = ["hospital", "case"]'
    said = folder.refusal()
    assert "columns.patient = 'case': no such column in /m.csv" in said
    assert "columns there: image, hospital, mrn, pneumonia, edema" in said


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("patient = []", "columns.patient"),
        ('patient = ["mrn", "mrn"]', "'mrn' is named twice"),
        ('patient = ["mrn", "edema"]', "'targets.edema' and 'columns.patient' have the same"),
    ],
)
def test_a_wrong_key_of_patients_is_refused(folder, columns, words):
    folder.columns = columns
    assert words in folder.refusal()


def test_a_patient_of_two_columns_is_in_one_split(folder):
    folder.header.append("split")
    for i, row in enumerate(folder.rows):
        row.append("train" if i < COUNT // 2 else "test")
    folder.head += 'split = "test"\n'
    folder.columns = 'patient = ["hospital", "mrn"]\nsplit = "split"'
    assert len(folder.load().cases) == COUNT // 2
    folder.columns = 'patient = "mrn"\nsplit = "split"'
    assert "belong to the same patient, but to the splits 'train' and 'test'" in folder.refusal()


def test_a_header_that_two_marks_divide_alike_needs_the_key(folder):
    folder.separator = ","
    folder.header = ["image", "hospital", "mrn", "pneumonia", "edema"]
    folder.write()
    (folder.path / "m.csv").write_text("a;b,c\n1,2\n")
    with pytest.raises(AuditError) as caught:
        read_rows(folder.path / "m.csv", "'manifest'")
    assert "row 1: the comma and the semicolon separate as many columns" in caught.value.what
    assert 'delimiter = ","' in caught.value.remedy
    (row,) = read_rows(folder.path / "m.csv", "'manifest'", delimiter=",")
    assert row.values == {"a;b": "1", "c": "2"}


def test_a_wrong_delimiter_is_refused(folder):
    folder.head += 'delimiter = ","\n'
    assert "no such column" in folder.refusal()
    folder.head = HEAD + 'delimiter = ":"\n'
    assert "delimiter" in folder.refusal()


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", "is not UTF-8 text (row 42, byte"),
        ("cp1252", "it looks like Windows-1252 -> save it as UTF-8, in Excel as 'CSV UTF-8'"),
        ("utf-16", "is not UTF-8 text (row 1): it looks like UTF-16"),
    ],
)
def test_another_encoding_is_refused_with_the_row(folder, encoding, words):
    folder.encoding = encoding
    assert words in folder.refusal()


def test_a_bad_label_of_a_row_that_is_left_out_is_no_matter(folder):
    folder.column("edema", {7: "Jane"})
    folder.column("image", {7: ""})
    folder.head += 'on_bad_image = "exclude"\n'
    assert len(folder.load().cases) == COUNT - 1


def test_no_label_at_all_is_refused_with_the_reason(folder):
    folder.column("pneumonia", dict.fromkeys(range(COUNT), ""))
    folder.targets = {"pneumonia": 'missing = "exclude"'}
    said = folder.refusal()
    assert "no row is left" in said
    assert "80 rows of m.csv: no label of any target" in said


def test_a_class_that_the_filter_leaves_out_names_the_filter(folder):
    folder.head += 'filter = { hospital = "nord" }\n'
    folder.column("pneumonia", {COUNT - 1: "tb"})
    folder.targets["pneumonia"] = 'equals = "tb"'
    said = folder.refusal()
    assert "column 'pneumonia': no row has 'tb'" in said
    assert "correct targets.pneumonia.equals, 'split' or 'filter' in card.toml" in said


def test_a_target_without_a_label_is_refused_with_its_name(folder):
    folder.column("pneumonia", dict.fromkeys(range(COUNT), ""))
    folder.targets["pneumonia"] = 'missing = "exclude"'
    assert "target 'pneumonia' has no image at all after split" in folder.refusal()


def test_a_column_of_names_is_not_shown(folder):
    folder.targets = {"edema": ""}
    folder.column("edema", {i: f"Jane {i // 8}" for i in range(COUNT)})
    said = folder.refusal()
    assert "Jane" not in said
    assert "values = { Yes = 1, No = 0 } with its words" in said


def test_a_smoke_run_takes_patients_of_every_combination_of_labels(folder):
    blanks(folder)
    card = load_dataset_card(folder.write())
    cases = load_dataset(card, max_cases=20).cases
    kinds = Counter(tuple(sorted(case.labels)) for case in cases)
    assert set(kinds) == {("edema",), ("pneumonia",), ("edema", "pneumonia")}
    assert len(cases) <= 20


# Beside DICOM files


def test_a_table_beside_dicom_files_is_read_in_the_same_way(tmp_path):
    dicom = DicomFolder(tmp_path)
    for number, row in enumerate(dicom.rows):
        row["pneumonia"] = ["no", "YES", "", "yes"][number % 4]
        row["hospital"], row["number"] = "nord" if number < 4 else "süd", f"secret-{number % 4}"
    said = 'values = { yes = 1, no = 0 }\nmissing = "exclude"\n'
    dicom.card = DicomFolder.card.replace(
        "[files]", '[columns]\npatient = ["hospital", "number"]\n[files]'
    ).replace('roi = ["lungs"]\n', f'roi = ["lungs"]\n{said}')
    dicom.write()
    table = dicom.root / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",", "\t"), encoding="utf-8")
    dataset = dicom.reload()
    assert [case.labels["pneumonia"] for case in dataset.cases] == [0, 1, 1, 0, 1, 1]
    assert len({case.patient for case in dataset.cases}) == 6
    assert "2 rows of labels.csv: no label of any target" in dataset.excluded
    dicom.card = dicom.card.replace('"number"', '"case"')
    assert "case" in dicom.refusal(dicom.reload).remedy
    dicom.card = dicom.card.replace('"case"', '"number"').replace(said, "")
    error = dicom.refusal(dicom.reload)
    assert "row 2 and 5 more, column 'pneumonia': the label is not 0 or 1" in error.what
    assert "row 4 and 1 more, column 'pneumonia': the label is missing" in error.what
    assert "values = { YES = 1, yes = 1, no = 0 }" in error.remedy


# The page that explains it, and an audit


def test_the_how_to_page_is_true(tmp_path):
    text = HOWTO.read_text(encoding="utf-8")
    table = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "labels.csv").write_text(table, encoding="utf-8")
    card, classes = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    for number, name in enumerate("abcd"):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / f"images/{name}.png")
    (tmp_path / "card.toml").write_text(card, encoding="utf-8")
    cases = load_dataset(load_dataset_card(tmp_path / "card.toml")).cases
    assert [dict(case.labels) for case in cases] == [
        {"pneumonia": 1, "edema": 1},
        {"pneumonia": 0},
        {"pneumonia": 1, "edema": 0},
        {"edema": 0},
    ]
    assert len({case.patient for case in cases}) == 3
    (tmp_path / "classes.toml").write_text(HEAD + classes, encoding="utf-8")
    assert set(load_dataset_card(tmp_path / "classes.toml").targets) == {"covid", "tuberculosis"}


NETWORK = """
import torch

class Mean(torch.nn.Module):
    def forward(self, batch):
        value = 20 * (batch.mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([value, -value], dim=1)

def build():
    return Mean()
"""
MODEL = """
schema = 1
name = "m"
targets = ["pneumonia", "edema"]
loader = "callable"
architecture = "network.py:build"
trusted = true
[input]
size = [8, 8]
channels = 1
resize = "stretch"
mean = [0.0]
std = [1.0]
"""
CHECKS = """
from audit_suite import *

@check("A", full=auroc())
def test_skill(full):
    report_only(full, because="a test")

@check("B", each=each_stratum(Full()))
def test_strata(each):
    report_only(each, because="a test")
"""


def test_an_audit_counts_for_each_target_the_images_that_have_its_label(folder):
    blanks(folder)
    folder.write()
    for name, text in (("network.py", NETWORK), ("model.toml", MODEL), ("test_own.py", CHECKS)):
        (folder.path / name).write_text(text)
    audited = audit_suite.run(
        [folder.path / "model.toml"],
        [folder.path / "card.toml"],
        checks=[folder.path / "test_own.py"],
        evidence=str(folder.path / "evidence"),
        executor="inline",
    )
    audited.report(folder.path / "audit.html")
    record = json.loads(audited.to_json())
    numbers = {
        (finding["check"], finding["target"], finding["case"]): {
            (one["n_images"], one["n_patients"]) for one in finding["observations"]
        }
        for finding in record["findings"]
    }
    assert numbers["A", "pneumonia", ""] == numbers["A", "edema", ""] == {(74, 37)}
    both = numbers["B", "pneumonia", "edema-full"], numbers["B", "edema", "pneumonia-full"]
    assert both == ({(70, 35)}, {(70, 35)}), "images that have both labels"
    page = (folder.path / "audit.html").read_text(encoding="utf-8")
    assert page.count("of 37 patients (74 images) with a label of it") == 2
    assert "the label of 4 images is missing: they are left out for this target alone" in page
    assert "secret" not in json.dumps(record) + page
