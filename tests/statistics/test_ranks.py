"""Ranks are scipy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from audit_suite.statistics.ranks import ranked

SOME = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1e-300, 2.0, np.inf]) | st.floats(width=32)


@given(st.lists(SOME, max_size=30))
def test_ranks_are_those_of_scipy_also_of_ties_and_of_what_is_unknown(values):
    array = np.array(values, np.float64)
    assert np.array_equal(ranked(array), rankdata(array), equal_nan=True)
    assert ranked(array).dtype == np.float64


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_ranks_of_whole_numbers(values):
    array = np.array(values, np.int64)
    assert np.array_equal(ranked(array), rankdata(array))
