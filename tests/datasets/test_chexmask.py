"""CheXmask: run lengths decode to the mask they encode, and a table that is not right is refused."""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from audit_suite.datasets.files.chexmask import RunLength, decode_runs, read_chexmask
from audit_suite.errors import AuditError

sys.path.insert(0, str(Path(__file__).parent))
from published import box, cut, encode_runs, write_csv

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9))


def by_hand(runs: str, height: int, width: int) -> np.ndarray:
    """Pixel by pixel, as the publisher describes the format."""
    flat = [False] * (height * width)
    numbers = [int(text) for text in runs.split()]
    while numbers:
        start, length, *numbers = numbers
        for position in range(start, start + length):
            flat[position - 1] = True
    return np.array(flat).reshape(height, width)


@given(MASKS)
def test_decoding_undoes_encoding_for_every_mask(mask):
    runs = encode_runs(mask)
    decoded = decode_runs(runs, *mask.shape)
    assert decoded.dtype == bool
    assert np.array_equal(decoded, mask)
    assert np.array_equal(by_hand(runs, *mask.shape), mask)


@given(MASKS, st.randoms())
def test_a_run_may_be_written_in_pieces(mask, random):
    pieces: list[int] = []
    numbers = [int(text) for text in encode_runs(mask).split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        first = random.randint(1, length)
        pieces += [start, first] + ([start + first, length - first] if first < length else [])
    runs = " ".join(map(str, pieces))
    assert np.array_equal(decode_runs(runs, *mask.shape), mask)


def test_runs_go_along_the_rows_and_count_from_one():
    mask = decode_runs("2 3 12 1", 3, 4)
    assert mask.tolist() == [[False, True, True, True], [False] * 4, [False] * 3 + [True]]


@given(
    st.lists(st.integers(-3, 30) | st.sampled_from([2**31, 2**62, 2**63 - 1, 2**63, 10**30])),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_any_other_numbers_are_refused_and_never_wrap_around(numbers, height, width):
    runs = " ".join(map(str, numbers))
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    free = 1  # the first pixel that the next run may start at
    valid = len(numbers) % 2 == 0
    for start, length in pairs:
        valid &= start >= free and length >= 1 and start + length - 1 <= height * width
        free = start + length
    if valid:
        assert np.array_equal(decode_runs(runs, height, width), by_hand(runs, height, width))
    else:
        with pytest.raises(ValueError, match=r"^has (a run|runs) "):
            decode_runs(runs, height, width)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("1 2 5", "has a run without a length: the text is cut off"),
        ("1 2 x 3", "not whole numbers"),
        ("1.0 2.0", "not whole numbers"),
        ("[1, 2]", "not whole numbers"),
        ("1 99999999999999999999", "not whole numbers"),
        ("0 2", "outside an image of 4 x 3 pixels"),
        ("1 0", "outside an image of 4 x 3 pixels"),
        ("-1 2", "outside"),
        ("12 2", "outside"),
        ("9223372036854775807 9223372036854775807", "outside"),
        ("1 3 3 2", "overlap"),
        ("7 2 1 2", "overlap"),
    ],
)
def test_broken_runs_are_refused_in_words(runs, said):
    with pytest.raises(ValueError, match=said):
        decode_runs(runs, 3, 4)


def test_the_digest_is_of_size_and_runs():
    def digest(runs: str, height: int, width: int) -> str:
        found = hashlib.sha256()
        RunLength(runs, height, width, "row 2").update(found, lambda _: b"")
        return found.hexdigest()

    digests = {digest("1 2", 3, 4), digest("1 3", 3, 4), digest("1 2", 4, 3), digest("1 2", 3, 5)}
    assert len(digests) == 4
    assert digest("1 2", 3, 4) in digests


class Table:
    """A table of masks that tests break on purpose."""

    def __init__(self, path: Path) -> None:
        self.path = path / "Padchest.csv"
        self.rows = [self.row("ImageID", f"canary{number}.png") for number in range(4)]

    @staticmethod
    def row(column: str, name: str) -> dict[str, str]:
        return {
            column: name,
            "Dice RCA (Mean)": "0.8",
            "Dice RCA (Max)": "0.9",
            "Landmarks": "[[1 2]\n [3 4]]",
            "Left Lung": encode_runs(box(2, 7, 8, 11)),
            "Right Lung": encode_runs(box(2, 1, 8, 5)),
            "Heart": encode_runs(box(5, 4, 9, 8)),
            "Height": "10",
            "Width": "12",
        }

    def read(self, *wanted: str):
        write_csv(self.path, self.rows)
        return read_chexmask(self.path, wanted)

    def refusal(self, read=None) -> str:
        with pytest.raises(AuditError) as caught:
            (read or (lambda: self.read("canary1.png")))()
        assert caught.value.remedy
        assert "canary" not in str(caught.value)
        assert str(self.path) in caught.value.what
        return caught.value.what


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path)


def test_the_regions_of_the_images_that_are_wanted_and_their_quality(table):
    found = table.read("canary1.png", "canary3.png", "elsewhere.png")
    assert sorted(found) == ["canary1.png", "canary3.png"]
    regions, quality = found["canary1.png"]
    assert quality == 0.8
    assert sorted(regions) == ["heart", "left-lung", "right-lung"]
    assert np.array_equal(regions["left-lung"].read((9, 9)), box(2, 7, 8, 11))
    assert np.array_equal(regions["right-lung"].read((9, 9)), box(2, 1, 8, 5))
    assert np.array_equal(regions["heart"].read((9, 9)), box(5, 4, 9, 8))
    assert regions["heart"].where == "(Padchest.csv row 5, column 'Heart')"


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("ImageID", "canary.png"),
        ("Image ID", "canary.png"),
        ("Image Index", "canary.png"),
        ("image_id", "canary.png"),
        ("dicom_id", "canary.png"),
        ("Path", "train/patient00001/study1/canary.png"),
    ],
)
def test_each_data_set_names_its_images_in_a_column_of_its_own(table, column, name):
    table.rows = [table.row(column, name)]
    assert sorted(table.read("canary.png")) == ["canary.png"]


def test_a_packed_table_reads_the_same(table):
    plain = table.read("canary1.png")
    packed = write_csv(table.path.with_suffix(".csv.gz"), table.rows)
    found = read_chexmask(packed, ["canary1.png"])
    assert found["canary1.png"][1] == plain["canary1.png"][1]
    for name, source in plain["canary1.png"][0].items():
        assert np.array_equal(found["canary1.png"][0][name].read((9, 9)), source.read((9, 9)))


@pytest.mark.parametrize("blank", ["", " ", "nan", "NaN"])
def test_what_is_blank_is_unknown(table, blank):
    table.rows[1] |= {"Dice RCA (Mean)": blank, "Heart": blank}
    regions, quality = table.read("canary1.png")["canary1.png"]
    assert quality is None
    assert sorted(regions) == ["left-lung", "right-lung"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("Dice RCA (Mean)", value) for value in ("x", "0,8", "1.01", "-0.1", "inf", "80")),
        *(("Height", value) for value in ("", "x", "nan", "inf", "0", "-10", "1e9", "65536")),
        *(("Width", value) for value in ("", "nan", "-12", "0.4")),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_row_and_column(table, column, value):
    table.rows[1][column] = value
    said = table.refusal()
    assert f"row 5, column '{column}': is not a number from" in said
    assert table.read("canary2.png"), "rows of other images are not looked at"


@pytest.mark.parametrize("column", ["Left Lung", "Heart", "Height", "Dice RCA (Mean)", "ImageID"])
def test_a_table_without_a_column_is_refused_with_those_it_has(table, column):
    for row in table.rows:
        del row[column]
    said = table.refusal()
    assert "is not a CheXmask table: it has the columns" in said
    assert "Dice RCA (Max)" in said


def test_an_image_listed_twice(table):
    table.rows[3]["ImageID"] = "canary1.png"
    assert "row 9: the image is listed a second time" in table.refusal()


def test_the_table_of_another_data_set_lists_none_of_the_images(table):
    for row in table.rows:
        row["ImageID"] = row["ImageID"].replace(".png", ".jpg")
    assert "lists none of the data set's images" in table.refusal()
    table.path.write_text(table.path.read_text().splitlines()[0] + "\n")
    assert "lists none" in table.refusal(lambda: read_chexmask(table.path, ["canary1.png"]))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.98])
def test_a_table_cut_off_in_a_row_is_refused_with_the_row(table, share):
    table.read("canary1.png")
    cut(table.path, share)
    said = table.refusal(lambda: read_chexmask(table.path, ["canary0.png"]))
    assert re.search(r"after row [3579]|row [3579]: does not have as many fields", said)


def test_a_packed_table_cut_off_or_damaged_is_refused(table):
    path = table.path = table.path.with_suffix(".csv.gz")
    rng = np.random.default_rng(0)
    for row in table.rows:  # long and of many kinds, so that several blocks are packed
        row["Landmarks"] = str(rng.integers(0, 10**9, 20_000).tolist())
    whole = write_csv(path, table.rows).read_bytes()
    assert read_chexmask(path, ["canary1.png"])
    cut(path)
    assert "cannot be read after row" in table.refusal(lambda: read_chexmask(path, ["canary1.png"]))
    for damage in (whole[:10] + b"\xff" * 99, whole[:-8] + bytes(8), b"no gzip at all"):
        path.write_bytes(damage)
        said = table.refusal(lambda: read_chexmask(path, ["canary1.png"]))
        assert "cannot be read after row" in said
    path.write_bytes(gzip.compress(b"\xff\xfe"))
    assert "is not UTF-8 text" in table.refusal(lambda: read_chexmask(path, ["canary1.png"]))
