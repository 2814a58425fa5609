"""Strategies: changes lie in the frame, print as the line that makes them, and are refused aloud."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite import strategies
from audit_suite.errors import AuditError
from audit_suite.registry import STRATEGIES
from audit_suite.search.change import box_fault, placed
from audit_suite.strategies import (
    Area,
    Painted,
    areas,
    borders,
    glyphs,
    gradients,
    lines,
    noises,
    one_of,
    only,
    outside_roi,
    patches,
    percents,
    register_strategy,
    swapped,
    texts,
)

PAINTED = [borders(), glyphs(), gradients(), lines(), noises(), patches(), texts()]
SHIPPED = st.one_of([strategy.drawn() for strategy in (areas(), *PAINTED)])
FRAMES = st.tuples(st.integers(8, 90), st.integers(8, 90))


@given(SHIPPED, FRAMES)
def test_every_change_lies_in_every_frame_and_prints_as_the_line_that_makes_it(change, frame):
    assert box_fault(change.box(*frame), frame) == ""
    assert eval(repr(change), vars(strategies)) == change
    assert all(type(value) is int and 0 <= value <= 100 for value in vars(change).values())


@given(st.one_of([strategy.drawn() for strategy in PAINTED]), FRAMES)
def test_paint_gives_images_and_the_same_ones_again(change, frame):
    images = np.random.default_rng(1).random((2, 3, *frame), np.float32)
    painted = change.paint(images.copy())
    assert painted.shape == images.shape
    assert np.isfinite(painted).all()
    assert np.array_equal(painted, change.paint(images.copy()))
    x0, y0, x1, y1 = change.box(*frame)
    assert (painted[:, :, y0:y1, x0:x1] != images[:, :, y0:y1, x0:x1]).any() or "rise" in vars(
        change
    )


@given(FRAMES, st.tuples(percents(), percents()), st.tuples(percents(), percents()))
def test_a_placed_box_is_as_large_as_asked_and_moved_into_the_frame(frame, size, centre):
    x0, y0, x1, y1 = placed(frame, size, centre)
    assert (y1 - y0, x1 - x0) == tuple(
        max(1, round(n * share / 100)) for n, share in zip(frame, size, strict=True)
    )
    if centre == (50, 50):
        assert abs((y0 + y1) / 2 - frame[0] / 2) <= 1


def test_the_whole_frame_and_a_half_overlapping_grid_come_first():
    extras = areas().extras()
    assert extras.whole.box(64, 64) == (0, 0, 64, 64)
    assert len(extras.grid) == 81
    covered = np.zeros((64, 64), int)
    for cell in extras.grid:
        x0, y0, x1, y1 = cell.box(64, 64)
        covered[y0:y1, x0:x1] += 1
    assert covered.min() >= 1
    assert np.median(covered) == 4


def test_a_strategy_is_a_key_and_says_how_it_was_made():
    made = outside_roi(swapped(areas(largest=30)))
    assert made == outside_roi(swapped(areas(5, 30)))
    assert hash(made) == hash(outside_roi(swapped(areas(5, 30))))
    assert str(made) == "outside_roi(swapped(areas(smallest=5, largest=30)))"
    assert (made.kind, outside_roi(patches()).kind) == ("donor contrast", "painted")
    assert made.fingerprint == "", "shipped: the version of the search covers it"


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_shipped_strategy_is_a_public_name(name):
    assert name in strategies.__all__


def test_percents_stay_where_other_modules_cannot_change_the_draws():
    for wrong in ((-1, 5), (3, 101), (9, 8)):
        with pytest.raises(ValueError, match="0 <= least <= most <= 100"):
            percents(*wrong)


@dataclass(frozen=True)
class Dot(Painted):
    size: int
    down: int
    right: int

    def box(self, height, width):
        return placed((height, width), (self.size, self.size), (self.down, self.right))

    def paint(self, images):
        images[:] = 1
        return images


def test_a_strategy_of_ones_own_in_a_few_lines():
    @register_strategy
    def dots(largest=20):
        return st.builds(Dot, percents(1, largest), percents(), percents())

    made = dots(largest=10)
    assert str(made) == "dots(largest=10)"
    assert len(made.fingerprint) == 64, "its file is a part of the key"
    assert outside_roi(one_of((made, patches()))).fingerprint == made.fingerprint
    assert only(Dot(1, 2, 3)).fingerprint == made.fingerprint
    with pytest.raises(TypeError, match="longest"):
        dots(longest=3)
    with pytest.raises(AuditError, match="cannot be part of a key"):
        dots(largest=[3])


def test_what_is_no_change_is_refused_with_the_strategy_named():
    class Mutable:
        pass

    @dataclass
    class NotFrozen:
        size: int = 1

    @register_strategy
    def odd():
        return st.just(None)

    strategy = odd()
    for change, what in (
        (Mutable(), "not a frozen dataclass"),
        (NotFrozen(), "not frozen"),
        (replace(Dot(1, 2, 3), size=1.5), "'?size'? is not a whole number|size is not"),
        (Area(3, 3, 3, 3), "no method paint"),
    ):
        with pytest.raises(AuditError, match=what) as error:
            strategy.check(change)
        assert "the strategy 'odd'" in str(error.value)
    swapped(strategy).check(Area(3, 3, 3, 3))


@pytest.mark.parametrize(
    ("box", "what"),
    [((0, 0, 9, 8), "leaves the frame"), ((-1, 0, 3, 3), "leaves the frame"),
     ((2, 2, 2, 4), "leaves the frame"), ((0.0, 0, 3, 3), "whole pixels"), (None, "whole pixels")],
)  # fmt: skip
def test_boxes_that_leave_the_frame_are_named(box, what):
    assert what in box_fault(box, (8, 8))


def test_a_strategy_that_returns_none_or_raises_is_named():
    @register_strategy
    def nothing():
        return 3

    @register_strategy
    def raising():
        raise RuntimeError("mine")

    for made, what in ((nothing(), "returned 3"), (raising(), "raised RuntimeError: mine")):
        with pytest.raises(AuditError, match=what):
            made.drawn()
