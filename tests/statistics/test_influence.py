"""Influences as dictionaries from patient to number, written out."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.statistics.influence import Influence, Stratum

PATIENTS = [f"p{number}" for number in range(12)]
parts = st.dictionaries(
    st.sampled_from(PATIENTS),
    st.tuples(st.floats(-3, 3), st.sampled_from(["positive", "negative", "other"])),
    min_size=1,
)
influences = st.tuples(st.sampled_from(["one", "two"]), parts)


def made(drawn):
    """The influence, and the same as dictionaries of values and strata."""
    dataset, part = drawn
    values = {f"{dataset}/{patient}": value for patient, (value, _) in part.items()}
    strata = {f"{dataset}/{patient}": f"{dataset}/{name}" for patient, (_, name) in part.items()}
    of = Influence.of(
        dataset,
        np.array(list(part)),
        np.array([value for value, _ in part.values()]),
        np.array([name for _, name in part.values()]),
    )
    return of, values, strata


def both(some, more, key):
    names = [strata[key] for strata in (some, more) if key in strata]
    return "|".join(dict.fromkeys(names))


@given(influences, influences, st.floats(-2, 2))
def test_a_sum_is_that_of_each_patient_over_all_patients(drawn, other, factor):
    (one, values, strata), (two, more, others) = made(drawn), made(other)
    total = one.plus(two, factor)
    assert total.keys.tolist() == sorted(values | more)
    expected = {key: values.get(key, 0.0) + factor * more.get(key, 0.0) for key in values | more}
    assert dict(zip(total.keys.tolist(), total.values.tolist(), strict=True)) == expected
    for key, group in zip(total.keys.tolist(), total.groups.tolist(), strict=True):
        assert group == both(strata, others, key)
    assert total.times(0.5).groups.tolist() == total.groups.tolist()


@given(influences, influences)
def test_sums_by_stratum_are_those_of_its_patients(drawn, other):
    (one, values, strata), (two, more, others) = made(drawn), made(other)
    sums = defaultdict(lambda: np.zeros(4))
    for key in sorted(values | more):
        a, b = values.get(key, 0.0), more.get(key, 0.0)
        sums[both(strata, others, key)] += (1, a * a, a * b, b * b)
    found = one.strata_with(two)
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


def test_what_no_patient_shows_counts_for_the_variance_alone():
    influence, values, _ = made(("one", {"p1": (0.3, "positive"), "p2": (0.1, "positive")}))
    more = influence.with_boundary("digest", 0.5)
    assert more.variance == pytest.approx(influence.variance + 0.5)
    assert more.n_patients == len(values)
    assert more.degrees_of_freedom > influence.degrees_of_freedom
    assert Stratum(0, pytest.approx(0.5), 0.0, 0.0) in more.strata_with(influence)
    assert influence.with_boundary("digest", 0.0) is influence


def test_estimates_of_the_same_patients_share_their_keys():
    """Which are long: comparing and sorting them would cost more than the statistics."""
    one, two = (made(("one", {"p2": (x, "other"), "p1": (1.0, "other")}))[0] for x in (1.0, 2.0))
    assert one.keys is two.keys
    assert one.plus(two, -1.0).keys is one.keys
    with pytest.raises(ValueError, match="read-only"):
        one.keys[0] = "another"
