"""Mid-ranks among other scores, against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.statistics.mid_ranks import mid_ranks

SCORES = st.lists(st.integers(0, 9), min_size=1, max_size=20)


@given(SCORES, SCORES)
def test_lower_ones_count_and_equal_ones_half(scores, others):
    found = mid_ranks(np.array(scores, float), np.sort(np.array(others, float)))
    for score, place in zip(scores, found, strict=True):
        lower = sum(other < score for other in others)
        equal = sum(other == score for other in others)
        assert place == pytest.approx((lower + equal / 2) / len(others))
