"""Regions too large, or too far apart, for a masking to ask anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.maskings import Full, OnlyROI, WithoutROI
from audit_suite.maskings.limits import LARGEST_ELSEWHERE, LARGEST_ROI, refuse_large, sized_by
from audit_suite.verdict import NotApplicable

shares = st.floats(0, 1)


def refused(masking, hidden, **more):
    """What is said of it, or nothing."""
    try:
        refuse_large(masking, hidden, **more)
    except NotApplicable as reason:
        return str(reason)
    return ""


@given(shares)
def test_the_full_image_is_never_too_large(hidden):
    assert not refused(Full(), hidden)


@given(shares, st.floats(0.1, 0.99))
def test_what_is_hidden_or_kept_may_fill_so_much_of_the_frame(hidden, largest):
    assert bool(refused(WithoutROI(), hidden, largest=largest)) == (hidden > largest)
    assert bool(refused(OnlyROI(), hidden, largest=largest)) == (1 - hidden > largest)
    assert bool(refused(WithoutROI(), hidden)) == (hidden > LARGEST_ROI)


@given(shares)
def test_an_area_elsewhere_needs_room_beside_the_region(hidden):
    assert bool(refused(WithoutROI(whose="elsewhere"), hidden)) == (hidden > LARGEST_ELSEWHERE)


@given(shares)
def test_a_window_is_refused_where_little_is_left_in_common(hidden):
    masking = OnlyROI(whose="window", first="centre")
    assert bool(refused(masking, hidden)) == (hidden > LARGEST_ROI)


@pytest.mark.parametrize(
    ("masking", "hidden", "words"),
    [
        (WithoutROI(), 0.95, "fills a median 95% of the image (limit 90%)"),
        (OnlyROI(), 0.05, "fills a median 95% of the image (limit 90%)"),
        (
            WithoutROI(whose="elsewhere"),
            0.5,
            "(limit 45%): there is no room for an area of its size outside it",
        ),
        (OnlyROI(whose="window"), 0.97, "leaves 3% of the frame in common"),
    ],
)
def test_the_reason_holds_share_and_limit(masking, hidden, words):
    assert words in refused(masking, hidden)


@pytest.mark.parametrize("whose", ["own", "foreign", "population", "elsewhere", "window"])
def test_an_area_off_the_region_is_measured_by_the_region_itself(whose):
    """It can be no larger than what is left beside the region."""
    masking = WithoutROI("disc", shape="box", dilation=2, fill="mean", whose=whose)
    own = WithoutROI("disc", shape="box", dilation=2, fill="mean")
    assert sized_by(masking) == (own if whose == "elsewhere" else masking)
