"""How the values of an image are distributed: as NumPy says, to the last digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audit_suite.datasets.distributions import ordered_percentiles
from audit_suite.datasets.properties import PROPERTIES, image_properties

VALUES = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 60)),
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
