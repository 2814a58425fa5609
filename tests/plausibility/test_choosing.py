"""Which images are read: quartiles, matched negatives, sittings, hidden repeats."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.plausibility.choosing import (
    Picture,
    allot_sittings,
    choose_positives,
    choose_repeats,
    match_negatives,
    order_sitting,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def picture(index, masking="full", target="sick"):
    return Picture(index, f"p{index}", target, masking)


def names(count):
    return np.array([f"p{i}" for i in range(count)])


def test_three_positives_are_the_quartiles_of_the_score():
    scores = rng().permutation(101) / 100
    found = choose_positives(scores, np.arange(101), names(101), 3)
    assert sorted(scores[found]) == [0.25, 0.50, 0.75], "Sourget et al. 2024"


def test_more_positives_lie_evenly_around_the_quartiles():
    scores = np.arange(1000) / 1000
    found = np.array(choose_positives(scores, np.arange(1000), names(1000), 30))
    for quartile in (0.25, 0.5, 0.75):
        assert (np.abs(scores[found] - quartile) < 0.01).sum() == 10


def test_only_candidates_are_chosen_and_all_where_there_are_too_few():
    scores = np.linspace(0, 1, 50)
    candidates = np.arange(10, 30)
    assert sorted(choose_positives(scores, candidates, names(50), 90)) == list(range(10, 30))


def test_a_patient_is_chosen_once():
    patients = np.array(["a", "a", "a", "b", "b", "c"])
    found = choose_positives(np.arange(6) / 6, np.arange(6), patients, 6)
    assert sorted(patients[found]) == ["a", "b", "c"]


def test_negatives_are_matched_by_what_is_declared():
    ages = np.array([30, 70, *range(20, 90)])
    sexes = ["F", "M", *["F", "M"] * 35]
    metadata = [{"age": str(a), "sex": s} for a, s in zip(ages, sexes, strict=True)]
    found = match_negatives([0, 1], np.arange(2, 72), names(72), metadata, rng())
    assert [(ages[i], sexes[i]) for i in found] == [(30, "F"), (70, "F")] or [
        (sexes[i], abs(ages[i] - ages[j]) <= 1) for j, i in enumerate(found)
    ] == [("F", True), ("M", True)]


def test_a_negative_is_another_patient_and_used_once():
    patients = np.array(["a", "b", "a", "b", "c", "d", "d"])
    metadata = [{"age": "50"}] * 7
    found = match_negatives([0, 1], np.arange(2, 7), patients, metadata, rng())
    assert sorted(patients[found]) == ["c", "d"]
    assert len(match_negatives([0, 1], np.arange(2, 5), patients, metadata, rng())) == 1


def test_without_metadata_negatives_are_drawn_by_chance():
    drawn = {
        match_negatives([0], np.arange(1, 50), names(50), [{}] * 50, rng(seed))[0]
        for seed in range(20)
    }
    assert len(drawn) > 10


def test_an_unknown_tag_is_no_match():
    metadata = [{"view": "AP"}, {"view": ""}, {"view": "PA"}, {"view": "AP"}]
    assert match_negatives([0], np.arange(1, 4), names(4), metadata, rng()) == [3]


MASKINGS = ("full", "only-roi", "without-roi-box")
pictures = st.sets(
    st.builds(picture, st.integers(0, 25), st.sampled_from(MASKINGS), st.sampled_from("ab")),
    min_size=1,
    max_size=90,
).map(lambda found: sorted(found, key=lambda p: (p.index, p.masking, p.target)))


@given(pictures, st.integers(0, 99))
def test_no_sitting_shows_a_patient_in_two_ways(chosen, seed):
    repeats = choose_repeats(chosen, 0.3, rng(seed))
    sittings, again = allot_sittings(chosen, repeats, rng(seed))
    shown = {}
    for one, sitting in [*zip(chosen, sittings, strict=True), *zip(repeats, again, strict=True)]:
        shown.setdefault((one.patient, sitting), set()).add(one)
    assert all(len(ways) == 1 for ways in shown.values())
    most = max(Counter(one.patient for one in chosen).values())
    assert set(sittings) | set(again) <= set(range(most)), "and no more sittings than that takes"


def test_maskings_are_spread_over_the_sittings():
    chosen = [picture(index, masking) for index in range(60) for masking in MASKINGS]
    sittings, _ = allot_sittings(chosen, [], rng())
    counts = Counter(zip((one.masking for one in chosen), sittings, strict=True))
    assert len(counts) == 9
    assert max(counts.values()) - min(counts.values()) <= 4


def test_a_repeat_comes_in_another_sitting_where_one_is_free():
    chosen = [picture(0), picture(0, "only-roi"), picture(1)]
    sittings, again = allot_sittings(chosen, [chosen[2], chosen[0]], rng())
    assert again[0] != sittings[2], "this patient is shown one way, and there are two sittings"
    assert again[1] == sittings[0], "this one fills both"


def test_repeats_are_of_every_masking():
    chosen = [picture(index, masking) for index in range(20) for masking in MASKINGS]
    repeats = choose_repeats(chosen, 0.1, rng())
    assert Counter(one.masking for one in repeats) == dict.fromkeys(MASKINGS, 2)
    assert choose_repeats(chosen, 0, rng()) == []


@given(st.integers(2, 40), st.integers(0, 6), st.integers(0, 50))
def test_repeats_in_one_sitting_are_half_of_it_apart(count, number, seed):
    codes = [f"c{i}" for i in range(count)]
    number = min(number, count // 2)
    repeats = dict.fromkeys(codes)
    for i in range(number):
        repeats[codes[-1 - i]] = codes[i]
    order = order_sitting(codes, repeats, rng(seed))
    assert sorted(order) == sorted(codes)
    for again, first in repeats.items():
        if first is not None:
            assert order.index(first) < count / 2 <= order.index(again) + 0.5


@pytest.mark.parametrize("seed", range(3))
def test_the_seed_alone_decides(seed):
    chosen = [picture(index, masking) for index in range(20) for masking in MASKINGS]
    assert allot_sittings(chosen, [], rng(seed)) == allot_sittings(chosen, [], rng(seed))
    assert allot_sittings(chosen, [], rng(seed)) != allot_sittings(chosen, [], rng(seed + 1))
