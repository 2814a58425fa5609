"""Numbers in bands: as the strata of C10 and the groups of F1 cut them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.needs.scores.bands import band_edges, bands


@given(st.lists(st.one_of(st.just(""), st.integers(0, 99).map(str)), min_size=1, max_size=80))
def test_bands_are_numpys_and_the_unknown_have_none(values):
    known = np.array([float(value) for value in values if value])
    edges = band_edges(values, (20, 40, 60, 80))
    if len(np.unique(known)) <= 6:
        assert edges is None
        return
    assert np.array_equal(edges, np.unique(np.percentile(known, (20, 40, 60, 80))))
    found = bands(values, edges)
    assert [band is None for band in found] == [not value for value in values]
    assert [band for band in found if band is not None] == np.digitize(known, edges).tolist()


def test_what_is_no_number_has_no_bands():
    assert band_edges(["a", *map(str, range(20))], (50,)) is None
    assert band_edges(["nan", *map(str, range(20))], (50,)) is None
