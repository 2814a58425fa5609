"""Outlines as pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.needs.maps.reader_outlines import filled


def test_a_rectangle_fills_its_pixels():
    found = filled([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]], (11, 21))
    assert found.shape == (11, 21)
    assert found[:, :11].all()
    assert not found[:, 11:].any()


def test_two_outlines_are_joined_and_a_line_is_none():
    one = [(0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2)]
    other = [(0.8, 0.8), (1.0, 0.8), (1.0, 1.0), (0.8, 1.0)]
    both = filled([one, other], (21, 21))
    assert both.sum() == filled([one], (21, 21)).sum() + filled([other], (21, 21)).sum()
    assert not filled([[(0.1, 0.1), (0.9, 0.9)]], (21, 21)).any()
    assert not filled([], (21, 21)).any()


points = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(st.floats(0.05, 0.45), st.integers(30, 90))
def test_a_circle_has_its_area(radius, side):
    turn = np.linspace(0, 2 * np.pi, 90)
    corners = [(0.5 + radius * np.cos(t), 0.5 + radius * np.sin(t)) for t in turn]
    share = filled([corners], (side, side)).mean()
    assert share == pytest.approx(np.pi * radius**2, abs=4 * np.pi * radius / side)


@given(st.lists(points, min_size=3, max_size=9), st.integers(8, 40), st.integers(8, 40))
def test_any_outline_stays_within_its_bounds(corners, height, width):
    found = filled([corners], (height, width))
    rows, columns = np.nonzero(found)
    x, y = zip(*corners, strict=True)
    assert columns.min() >= min(x) * (width - 1) - 1
    assert columns.max() <= max(x) * (width - 1) + 1
    assert rows.min() >= min(y) * (height - 1) - 1
    assert rows.max() <= max(y) * (height - 1) + 1
