"""The case mix that a report shows: nothing that few patients share, whatever the tags hold."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.datasets import Case, describe
from audit_suite.datasets.case_mix import FEWEST, case_mix

sys.path.insert(0, str(Path(__file__).parent))
from published import PadChest


def mix(values: list[tuple[str, str]]):
    """The case mix of images, given as value and patient."""
    cases = [
        Case(id=str(row), patient=patient, labels={}, metadata={"tag": value}, row=row)
        for row, (value, patient) in enumerate(values)
    ]
    return case_mix(cases, ["tag"])["tag"]


def each(values: list[str]) -> list[tuple[str, str]]:
    """One patient an image."""
    return [(value, f"patient{number}") for number, value in enumerate(values)]


IMAGES = st.lists(
    st.tuples(
        st.sampled_from(["", "M", "F", "PA", "Jane", "1931", "1932.5", "nan", "inf", "x" * 40]),
        st.integers(0, 30).map(str),
    ),
    max_size=150,
)


@given(IMAGES)
def test_every_value_shown_is_shared_by_five_patients_and_all_images_are_counted(images):
    found = mix(images)
    patients = defaultdict(set)
    for value, patient in images:
        patients[value].add(patient)
    assert found.known == sum(bool(value) for value, _ in images)
    assert found.quartiles is None, "too few different numbers"
    assert sum(found.levels.values()) == found.known
    for value, count in found.levels.items():
        if value != "other":
            assert len(patients[value]) >= FEWEST
            assert count == sum(other == value for other, _ in images)
            assert len(value) <= 32
    assert "" not in found.levels


@pytest.mark.parametrize(("sharing", "shown"), [(4, False), (5, True)])
def test_four_patients_are_too_few_however_many_images_they_have(sharing, shown):
    rare = [("rare", f"patient{number % sharing}") for number in range(40)]
    found = mix(rare + each(["M"] * 30))
    assert found.levels == ({"M": 30, "rare": 40} if shown else {"M": 30, "other": 40})


def test_blank_values_are_not_known_and_no_level():
    found = mix(each(["M"] * 6 + [""] * 9))
    assert (found.known, found.levels, found.quartiles) == (6, {"M": 6}, None)
    assert mix(each([""] * 9)).levels == {}
    assert mix([]).known == 0


def test_long_values_are_pooled_however_many_share_them():
    text = "a report that ran into a column of tags"
    assert mix(each([text] * 20 + ["PA"] * 5)).levels == {"PA": 5, "other": 20}


def test_at_most_twelve_values_are_listed_the_commonest():
    values = [f"maker {letter}" for letter in "abcdefghijklmno" for _ in range(5)]
    found = mix(each([*values, "maker o"]))
    assert len(found.levels) == 13
    assert found.levels["maker o"] == 6
    assert found.levels["other"] == 15


def test_a_value_called_other_is_counted_with_the_rest():
    assert mix(each(["other"] * 6 + ["rare"])).levels == {"other": 7}


def test_numbers_of_many_patients_come_as_quartiles():
    found = mix(each([str(age) for age in range(20, 61)]))
    assert found.quartiles == [30, 40, 50]
    assert (found.levels, found.known) == ({}, 41)


def test_numbers_of_fewer_than_twenty_patients_are_pooled():
    assert mix(each([str(age) for age in range(20, 39)])).levels == {"other": 19}
    assert mix(each([str(age) for age in range(20, 40)])).quartiles is not None


def test_few_different_numbers_are_values_like_others():
    found = mix(each([str(number % 3) for number in range(30)] + ["7"] * 4))
    assert found.levels == {"0": 10, "1": 10, "2": 10, "other": 4}


def test_a_patient_of_many_images_is_not_the_quartiles():
    others = each([str(age) for age in range(20, 61)])
    found = mix([*others, *([("97.5", "one")] * 500)])
    assert found.known == 541
    assert 97.5 not in found.quartiles
    assert found.quartiles == mix([*others, ("97.5", "one")]).quartiles


@given(st.lists(st.sampled_from(["nan", "inf", "-inf", "NaN", "1e999"]), min_size=1, max_size=9))
def test_numbers_that_are_none_give_no_quartiles_that_are_none(odd):
    values = [str(age) for age in range(20, 61)]
    found = mix(each([*values, *odd]))
    assert found.quartiles is None or all(map(math.isfinite, found.quartiles))
    assert found.known == 41 + len(odd)
    found.model_dump_json()
    shown = {value for value in odd if odd.count(value) >= FEWEST}
    assert set(found.levels) == {"other"} | shown


def test_several_tags_are_described_one_by_one_and_others_not():
    cases = [
        Case(
            id=str(row),
            patient=str(row),
            labels={},
            metadata={"sex": "MF"[row % 2], "age": str(row), "secret": "Jane"},
            row=row,
        )
        for row in range(30)
    ]
    found = case_mix(cases, ["sex", "age"])
    assert list(found) == ["sex", "age"]
    assert found["sex"].levels == {"F": 15, "M": 15}
    assert found["age"].quartiles == [7.25, 14.5, 21.75]


def test_a_data_sets_record_shows_no_birth_year_of_few(tmp_path):
    data = PadChest(tmp_path, patients=12)
    for row in data.rows[:10]:
        row["PatientBirth"] = "1950.0"
    found = describe(data.load()).case_mix
    assert found["birth_year"].levels == {"1950": 10, "other": 14}
    assert found["sex"].levels == {"F": 12, "M": 12}
    assert found["projection"].levels == {"PA": 24}
