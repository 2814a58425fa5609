"""What holds for every reader: the rules on mask quality, duplicates, and patients on one side only."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import GroupShuffleSplit

from audit_suite.cards import Holdout, load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.datasets.selection import one_side
from audit_suite.errors import AuditError

sys.path.insert(0, str(Path(__file__).parent))
from published import Chaksu, ChestXray14, PadChest, Published, box, pixels, save, write_csv

RULE = """
[mask_quality]
rule = "{rule}"
minimum = {minimum}
"""
HOLDOUT = 'split = "{split}"\nholdout = {{ share = {share}, seed = {seed} }}\n'


class Manifest(Published):
    """Six patients of two images, masks of a quality of their own."""

    card = """
schema = 1
name = "d"
reader = "manifest"
manifest = "manifest.csv"
{more}
[targets.sick]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
"""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.rows = [
            {"image": f"{number}.png", "mask": f"m{number}.png", "sick": str(number % 2)}
            | {"patient_id": f"canary-{number // 2}", "dice": str(0.6 + number / 40)}
            for number in range(12)
        ]
        self.secrets = ["canary"]

    def write(self) -> None:
        write_csv(self.path / "manifest.csv", self.rows)
        for number in range(12):
            save(self.path / f"{number}.png", pixels(number))
            save(self.path / f"m{number}.png", box(2, 3, 7, 9))


def of_manifest(rule: str, minimum: float = 0.7) -> str:
    return RULE.format(rule=rule, minimum=minimum) + 'column = "dice"\n'


@pytest.fixture
def padchest(tmp_path):
    return PadChest(tmp_path)


@pytest.fixture
def manifest(tmp_path):
    return Manifest(tmp_path)


@pytest.mark.parametrize(
    ("quality", "kept"),
    [
        ("0.7", False),
        ("0.70", False),
        ("0.7000000000000001", True),
        ("0.6999999999999999", False),
        ("0.71", True),
        ("1", True),
        ("1.0", True),
        ("0", False),
    ],
)
def test_masks_at_exactly_the_minimum_are_dropped_with_their_images(padchest, quality, kept):
    padchest.more = RULE.format(rule="drop", minimum=0.7)
    padchest.masked[2]["Dice RCA (Mean)"] = quality
    dataset = padchest.load()
    assert (4 in [case.row for case in dataset.cases]) == kept
    assert len(dataset.cases) == 11 + kept
    said = f"1 rows of {padchest.labels}: mask quality not above 0.7"
    assert dataset.excluded == (() if kept else (said,))


@pytest.mark.parametrize("quality", ["", "nan", None])
def test_under_a_minimum_masks_of_unknown_quality_are_dropped_and_counted(padchest, quality):
    padchest.more = RULE.format(rule="drop", minimum=0)
    for number in (2, 5):
        if quality is None:
            del padchest.masked[number]
        else:
            padchest.masked[number]["Dice RCA (Mean)"] = quality
    dataset = padchest.load()
    assert len(dataset.cases) == 10
    assert dataset.excluded == (f"2 rows of {padchest.labels}: no mask, or one of unknown quality",)


@pytest.mark.parametrize("rule", ["weight", "stratify"])
def test_other_rules_keep_every_image_and_its_quality(manifest, rule):
    manifest.more = of_manifest(rule)
    manifest.rows[3]["dice"] = ""
    cases = manifest.load().cases
    assert len(cases) == 12
    assert cases[3].quality is None
    assert [case.quality for case in cases if case.row != 5] == [
        float(row["dice"]) for row in manifest.rows if row["dice"]
    ]


def test_the_rule_of_a_manifest_drops_by_its_column(manifest):
    manifest.more = of_manifest("drop")
    manifest.rows[11]["dice"] = ""
    dataset = manifest.load()
    kept = [row for row, values in enumerate(manifest.rows) if values["dice"] > "0.7"]
    assert [case.row - 2 for case in dataset.cases] == kept
    assert len(dataset.excluded) == 2


@pytest.mark.parametrize("rule", ["drop", "weight", "stratify"])
@pytest.mark.parametrize("quality", ["nan", "NaN", "inf", "-inf", "1.0001", "-0.1", "87"])
def test_a_quality_that_cannot_be_is_refused_with_row_and_column(manifest, rule, quality):
    manifest.more = of_manifest(rule)
    manifest.rows[3]["dice"] = quality
    said = "row 5, column 'dice': the mask quality is not a number from 0 to 1"
    assert said in manifest.refusal().what


def test_a_rule_that_leaves_no_image_or_one_class_is_refused(padchest):
    padchest.more = RULE.format(rule="drop", minimum=0.99)
    assert "target 'cardiomegaly' has no image at all" in padchest.refusal().what
    padchest.more = RULE.format(rule="drop", minimum=0.855)
    assert "target 'cardiomegaly' has only label 1" in padchest.refusal().what


def test_the_digest_tells_rules_apart(padchest):
    digests = set()
    for rule, minimum in (("drop", 0.5), ("drop", 0.6), ("weight", 0.5), ("stratify", 0.5)):
        padchest.more = RULE.format(rule=rule, minimum=minimum)
        digests.add(padchest.load().digest)
    padchest.more = ""
    digests.add(padchest.load().digest)
    padchest.masked[0]["Left Lung"] = "1 2"
    digests.add(padchest.load().digest)
    padchest.masked[0]["Dice RCA (Mean)"] = "0.81"
    digests.add(padchest.load().digest)
    assert len(digests) == 7


def test_the_digest_of_a_publication_sees_an_image_of_another_size(padchest):
    first = padchest.load().digest
    path = padchest.image_of(padchest.rows[4])
    path.write_bytes(path.read_bytes() + b"\0")
    assert padchest.reload().digest != first


def test_duplicates_among_rows_that_are_left_out_are_no_harm(padchest):
    padchest.rows[3] |= {"ImageID": padchest.rows[2]["ImageID"], "Projection": "L"}
    assert [case.row for case in padchest.load().cases] == [2, 3, 4, *range(6, 14)]
    padchest.rows[3]["Projection"] = "PA"
    assert "rows 4, 5 have the same id" in padchest.refusal().what


def test_all_that_is_wrong_comes_at_once(padchest):
    padchest.write()
    for row in padchest.rows:
        row["PatientID"] = ""
    write_csv(padchest.path / padchest.labels, padchest.rows)
    said = padchest.refusal(padchest.reload).what
    assert said.count("the patient is missing") == 5
    assert "and 7 more" in said


PATIENTS = st.lists(st.text(max_size=4), min_size=2, unique=True)


@given(PATIENTS, st.randoms(), st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_every_patient_is_on_one_side_whatever_the_order(patients, random, share, seed):
    holdout = Holdout(share=share, seed=seed)
    listed = [patient for patient in patients for _ in range(random.randint(1, 3))]
    random.shuffle(listed)
    n_test = math.ceil(share * len(patients))
    assume(n_test < len(patients))  # too few for two sides: the next test but one
    test = one_side(Path("card.toml"), holdout, "test", listed)
    train = one_side(Path("card.toml"), holdout, "train", listed)
    assert test | train == set(patients)
    assert not test & train
    assert len(test) == n_test
    assert one_side(Path("card.toml"), holdout, "test", sorted(patients)) == test


def test_the_split_is_the_group_shuffle_of_the_paper():
    patients = [str(number % 50) for number in range(120)]
    found = one_side(Path("card.toml"), Holdout(share=0.2, seed=1907), "test", patients)
    splitter = GroupShuffleSplit(n_splits=2, test_size=0.2, random_state=1907)
    _, test = next(splitter.split(np.zeros(120), groups=patients))
    assert found == {patients[index] for index in test}
    assert len(found) == 10
    assert found != one_side(Path("card.toml"), Holdout(share=0.2, seed=1), "test", patients)


@pytest.mark.parametrize("patients", [["a"], ["a", "a"]])
def test_too_few_patients_for_two_sides_are_refused(patients):
    with pytest.raises(AuditError) as caught:
        one_side(Path("card.toml"), Holdout(), "test", patients)
    assert "card.toml: key 'holdout': 1 patients cannot be split in two" in caught.value.what
    assert caught.value.remedy


def sides(data: Published, share: float = 0.3, seed: int = 1907, more=("", "")) -> list:
    """The data set of either side; `more` is added to the cards of test and train."""
    found = []
    data.write()
    for split, text in zip(("test", "train"), more, strict=True):
        data.more = HOLDOUT.format(split=split, share=share, seed=seed) + text
        found.append(data.reload())
    return found


def patients_of(dataset) -> set[str]:
    return {case.patient for case in dataset.cases}


@pytest.mark.parametrize(
    ("kind", "share"), [(PadChest, 0.3), (Manifest, 0.3), (ChestXray14, 0.6), (Chaksu, 0.3)]
)
def test_the_sides_of_every_reader_are_complements(tmp_path, kind, share):
    data = kind(tmp_path)
    whole = data.load()
    test, train = sides(data, share)
    assert not patients_of(test) & patients_of(train)
    ids = [case.id for case in test.cases] + [case.id for case in train.cases]
    assert sorted(ids) == sorted(case.id for case in whole.cases)
    assert len(patients_of(test)) == math.ceil(share * len(patients_of(whole)))
    assert len({test.digest, train.digest, whole.digest}) == 3
    again, _ = sides(data, share)
    assert (again.digest, again.cases) == (test.digest, test.cases)
    position = {case.id: index for index, case in enumerate(whole.cases)}
    for index, case in enumerate(test.cases):
        image = whole.read(position[case.id]).image
        assert np.array_equal(test.read(index).image, image)


def test_another_seed_is_another_split(padchest):
    found = [patients_of(sides(padchest, seed=seed)[0]) for seed in range(6)]
    assert len({frozenset(patients) for patients in found}) > 1


FEMALE = 'filter = { sex = "F" }'
STRICT = RULE.format(rule="drop", minimum=0.78)


@pytest.mark.parametrize("more", [(FEMALE, ""), ("", FEMALE), (STRICT, ""), (FEMALE, STRICT)])
def test_no_patient_changes_sides_when_one_card_filters_or_drops(tmp_path, more):
    data = PadChest(tmp_path, patients=12)
    for number, masks in enumerate(data.masked):
        masks["Dice RCA (Mean)"] = ("0.9", "0.5")[number // 2 % 2]
    expected = [patients_of(dataset) for dataset in sides(data)]
    found = [patients_of(dataset) for dataset in sides(data, more=more)]
    assert found[0] <= expected[0]
    assert found[1] <= expected[1]
    assert found != expected


def test_a_filter_on_one_side_of_a_manifest_moves_nobody_to_the_other(tmp_path):
    data = Manifest(tmp_path)
    for seed in range(5):
        plain = sides(data, seed=seed)
        out = min(patients_of(plain[0]))
        data.rows = [row | {"ward": "ab"[row["patient_id"] != out]} for row in data.rows]
        filtered, _ = sides(data, seed=seed, more=('filter = { ward = "b" }', ""))
        assert patients_of(filtered) == patients_of(plain[0]) - {out}


def test_phantoms_are_held_out_by_patient_too(tmp_path):
    text = """
schema = 1
name = "d"
reader = "phantom"
split = "{split}"
holdout = {{ share = 0.25 }}
[phantom]
kind = "cxr"
patients = 40
images_per_patient = [1, 3]
size = 32
[targets.consolidation]
roi = ["lungs"]
"""
    found = []
    for split in ("test", "train"):
        (tmp_path / f"{split}.toml").write_text(text.format(split=split))
        found.append(load_dataset(load_dataset_card(tmp_path / f"{split}.toml")))
    test, train = found
    assert len(patients_of(test)) == 10
    assert len(patients_of(train)) == 30
    assert not patients_of(test) & patients_of(train)
    assert test.digest != train.digest
    assert not np.array_equal(test.read(0).image, train.read(0).image)
