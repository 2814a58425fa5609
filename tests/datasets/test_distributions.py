"""How the values of an image are distributed: as NumPy and SciPy say, to the last digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import maximum_filter, uniform_filter, white_tophat

from audit_suite.datasets.distributions import (
    mean_and_spread,
    ordered_percentiles,
    standing_out,
)
from audit_suite.datasets.outside import reduced
from audit_suite.datasets.properties import PROPERTIES, image_properties

VALUES = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 40)),
    elements=st.floats(0, 1, width=32),
)


@given(values=VALUES, percents=st.lists(st.floats(0, 100), min_size=1, max_size=9))
def test_percentiles_of_what_is_in_order_are_those_of_numpy(values, percents):
    found = ordered_percentiles(np.sort(values, axis=1), percents)
    expected = np.percentile(values, percents, axis=1).T
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert ordered_percentiles(np.sort(values[0]), percents[0]) == expected[0, 0]


@given(
    image=arrays(
        st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]),
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
    )
)
def test_entropy_is_that_of_numpys_histogram(image):
    grey = image.astype(np.float32) / np.iinfo(image.dtype).max
    counts = np.histogram(grey, bins=64, range=(0, 1))[0]
    shares = counts[counts > 0] / counts.sum()
    found = image_properties(image)[PROPERTIES.index("entropy")]
    assert found == np.float32(-(shares * np.log2(shares)).sum())


@given(values=VALUES, window=st.sampled_from([3, 5]))
def test_mean_and_spread_of_windows_are_those_of_a_uniform_filter(values, window):
    mean, spread = mean_and_spread(values, window)
    expected = uniform_filter(values, window)
    variance = uniform_filter(values * values, window) - expected * expected
    assert np.array_equal(mean, expected)
    assert np.array_equal(spread, np.sqrt(np.maximum(variance, 0)))


@given(values=VALUES, side=st.integers(1, 9))
def test_what_stands_out_is_what_a_square_opening_takes_away(values, side):
    assert np.array_equal(standing_out(values, side), white_tophat(values, size=(side, side)))


@given(
    shape=st.tuples(st.integers(3, 60), st.sampled_from([3, 20, 60, 600])),
    corners=st.tuples(*[st.floats(0, 0.999)] * 4),
    window=st.sampled_from([1, 3, 5, 7]),
)
def test_windows_around_the_outside_reach_all_but_the_middle_of_the_box(shape, corners, window):
    roi = np.zeros(shape, np.bool_)
    for down, across in (corners[:2], corners[2:]):
        roi[int(down * shape[0]), int(across * shape[1])] = True
    look = reduced(np.zeros(roi.shape, np.uint8), roi)
    reached = maximum_filter(look.outside, window)
    assert np.array_equal(look.unreached(window), ~reached)
