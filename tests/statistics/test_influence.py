"""Influences as dictionaries from patient to number, written out; patients by number or name."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.statistics import estimate_auroc, estimate_auroc_within, estimate_mean
from audit_suite.statistics.influence import Influence, Stratum
from audit_suite.statistics.numbering import how_many, numbered

PATIENTS = [f"p{number:02d}" for number in range(12)]
STRATA = "negative", "other", "positive"
parts = st.dictionaries(
    st.sampled_from(PATIENTS), st.tuples(st.floats(-3, 3), st.sampled_from(STRATA)), min_size=1
)
influences = st.tuples(st.sampled_from(["one", "two"]), parts)


def made(drawn, by_number=False):
    """The influence, and the same as dictionaries of values and strata."""
    dataset, part = drawn
    values = {(dataset, patient): value for patient, (value, _) in part.items()}
    strata = {(dataset, patient): name for patient, (_, name) in part.items()}
    patients = sorted(part)
    of = Influence.of(
        dataset,
        np.array([PATIENTS.index(p) for p in patients] if by_number else patients),
        np.array([part[patient][0] for patient in patients]),
        np.array([STRATA.index(part[patient][1]) for patient in patients]),
        STRATA,
    )
    return of, values, strata


def written_out(influence):
    """By data set and patient, in order: the influence."""
    return {
        (dataset, patient): value
        for dataset, part in influence.parts.items()
        for patient, value in zip(part.patients.tolist(), part.values.tolist(), strict=True)
    }


def strata_of(influence):
    return {
        (dataset, patient): part.names[number]
        for dataset, part in influence.parts.items()
        for patient, number in zip(part.patients.tolist(), part.strata.tolist(), strict=True)
    }


def both(some, more, key):
    names = [strata[key] for strata in (some, more) if key in strata]
    return "|".join(dict.fromkeys(names))


@given(influences, influences, st.floats(-2, 2))
def test_a_sum_is_that_of_each_patient_over_all_patients(drawn, other, factor):
    (one, values, strata), (two, more, others) = made(drawn), made(other)
    total = one.plus(two, factor)
    expected = {
        key: values.get(key, 0.0) + factor * more.get(key, 0.0) for key in sorted(values | more)
    }
    assert list(written_out(total).items()) == list(expected.items())
    assert total.values.tolist() == list(expected.values())
    named = {key: both(strata, others, key) for key in expected}
    assert strata_of(total) == strata_of(total.times(0.5)) == named


@given(influences, influences)
def test_sums_by_stratum_are_those_of_its_patients(drawn, other):
    (one, values, strata), (two, more, others) = made(drawn), made(other)
    sums = defaultdict(lambda: np.zeros(4))
    for key in sorted(values | more):
        a, b = values.get(key, 0.0), more.get(key, 0.0)
        sums[key[0], both(strata, others, key)] += (1, a * a, a * b, b * b)
    found = [stratum for stratum in one.strata_with(two) if stratum.patients]
    assert [stratum.patients for stratum in found] == [sums[name][0] for name in sorted(sums)]
    for stratum, name in zip(found, sorted(sums), strict=True):
        assert stratum[1:] == pytest.approx(tuple(sums[name][1:]), abs=1e-12)


@given(influences)
def test_degrees_of_freedom_are_satterthwaites(drawn):
    influence, values, strata = made(drawn)
    squares, sizes = defaultdict(float), defaultdict(int)
    for key, value in values.items():
        squares[strata[key]] += value**2
        sizes[strata[key]] += 1
    spread = sum(squares[name] ** 2 / (sizes[name] - 1) for name in squares if sizes[name] > 1)
    if spread == 0:
        expected = max(1, len(values) - 1)
    else:
        expected = max(1.0, sum(squares.values()) ** 2 / spread)
    assert influence.degrees_of_freedom == pytest.approx(expected)
    assert influence.n_patients == len(values)


@given(influences, influences, st.floats(-2, 2))
def test_numbers_give_what_names_give_to_the_last_digit(drawn, other, factor):
    """Numbers in the order of the names: the same sums in the same order."""
    named, numbers = (made(drawn, by)[0].plus(made(other, by)[0], factor) for by in (False, True))
    assert numbers.values.tolist() == named.values.tolist()
    assert numbers.variance == named.variance
    assert numbers.degrees_of_freedom == named.degrees_of_freedom
    one, two = made(drawn)[0], made(other)[0]
    by_number = made(drawn, True)[0].strata_with(made(other, True)[0])
    assert by_number == one.strata_with(two)


def test_what_no_patient_shows_counts_for_the_variance_alone():
    influence, values, _ = made(("one", {"p01": (0.3, "positive"), "p02": (0.1, "positive")}))
    more = influence.with_boundary("digest", 0.5)
    assert more.variance == pytest.approx(influence.variance + 0.5)
    assert more.n_patients == len(values)
    assert more.degrees_of_freedom > influence.degrees_of_freedom
    assert Stratum(0, pytest.approx(0.5), 0.0, 0.0) in more.strata_with(influence)
    assert more.plus(more, -1.0).variance == 0, "it cancels in the difference with itself"
    other = influence.with_boundary("another", 0.5)
    assert more.plus(other, -1.0).variance == pytest.approx(1.0)
    assert influence.with_boundary("digest", 0.0) is influence


def test_names_and_numbers_of_one_data_set_are_never_paired():
    part = {"p01": (0.3, "positive"), "p02": (0.1, "positive")}
    named, by_number = made(("one", part))[0], made(("one", part), True)[0]
    with pytest.raises(AuditError, match="data set one are numbered in one estimate and named"):
        named.plus(by_number, -1.0)
    assert named.plus(made(("two", part), True)[0], 1.0).n_patients == 4, "two data sets are apart"


repeated = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(repeated, st.sampled_from([0, 10_000, -7]))
def test_patients_are_counted_as_numpy_sorts_them(patients, shift):
    """From 0, far from 0 (a part of a large data set), and below 0."""
    of_image = np.array(patients) + shift
    unique, places = numbered(of_image)
    expected, inverse = np.unique(of_image, return_inverse=True)
    assert (unique.tolist(), places.tolist()) == (expected.tolist(), inverse.tolist())
    assert how_many(of_image.astype(str)) == how_many(of_image) == len(set(patients))
    assert how_many(of_image[:0]) == 0


@st.composite
def worlds(draw):
    """Images of patients who have one to three; labels, scores, and some images missing."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    patients = np.repeat(np.arange(30), rng.integers(1, 4, 30))
    labels = np.r_[0, 0, 1, 1, rng.integers(0, 2, 26)][patients]
    scores = np.round(labels + rng.normal(size=len(labels)), draw(st.sampled_from([1, 6])))
    kept = (rng.random(len(labels)) < draw(st.sampled_from([0.9, 1.0]))) | (patients < 4)
    return patients[kept], labels[kept], scores[kept], rng.permutation(int(kept.sum()))


def numbers_of(estimate):
    return estimate.value, estimate.influence.variance, estimate.df, *estimate.interval()


@given(worlds())
def test_estimates_by_number_are_those_by_name(world):
    patients, labels, scores, order = world
    names = np.array([f"patient {number:03d}" for number in patients])
    folds = [patients % 3]
    for estimate in (
        lambda who: estimate_auroc(labels, scores, who, "d"),
        lambda who: estimate_mean(scores, who, "d", "mean"),
        lambda who: estimate_auroc_within(labels, [scores], who, folds, "d", "within"),
    ):
        try:
            named = estimate(names)
        except AuditError:
            continue  # no fold has two patients of each class
        assert numbers_of(estimate(patients)) == numbers_of(named)
    again = estimate_auroc(labels[order], scores[order], patients[order], "d")
    whole = estimate_auroc(labels, scores, patients, "d")
    assert numbers_of(again) == pytest.approx(numbers_of(whole), rel=1e-12), "images permuted"


@given(worlds(), st.integers(0, 29))
def test_a_difference_is_paired_where_images_are_missing(world, gone):
    """As by hand: influences subtracted by patient, those of missing patients 0."""
    patients, labels, scores, _ = world
    there = (patients != gone) | (patients < 4)
    one = estimate_auroc(labels, scores, patients, "d")
    two = estimate_auroc(labels[there], -scores[there], patients[there], "d")
    mine, theirs = written_out(one.influence), written_out(two.influence)
    by_hand = sum(
        (mine.get(key, 0.0) - theirs.get(key, 0.0)) ** 2 for key in mine.keys() | theirs.keys()
    )
    assert (one - two).influence.variance == pytest.approx(by_hand, rel=1e-12)
