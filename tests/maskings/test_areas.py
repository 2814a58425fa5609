"""Areas that stand in for a region (C3 to C5, C11), and images moved as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audit_suite.maskings.areas import centroid, elsewhere, typical
from audit_suite.maskings.centred import centre

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault

sides = st.integers(1, 20)
masks = hnp.arrays(bool, st.tuples(sides, sides))
seeds = st.integers(0, 2**32 - 1)
shifts = st.tuples(st.integers(-25, 25), st.integers(-25, 25))


def rng(seed):
    return np.random.default_rng(seed)


def square(size, top, left, side):
    region = np.zeros((size, size), bool)
    region[top : top + side, left : left + side] = True
    return region


@unhurried
@given(masks, seeds)
def test_elsewhere_has_the_regions_size_and_none_of_its_pixels(mask, seed):
    found = elsewhere(mask, rng(seed))
    assert found.shape == mask.shape
    assert found.dtype == bool
    assert not (found & mask).any()
    assert found.sum() == min(mask.sum(), (~mask).sum()), "or all there is outside it"


@unhurried
@given(masks, seeds)
def test_elsewhere_is_decided_by_its_generator_and_leaves_the_region_alone(mask, seed):
    before = mask.copy()
    assert np.array_equal(elsewhere(mask, rng(seed)), elsewhere(mask, rng(seed)))
    assert np.array_equal(mask, before)


@unhurried
@given(masks, seeds)
def test_elsewhere_is_the_first_place_drawn_that_does_not_meet_the_region(mask, seed):
    """Pixel by pixel and draw by draw, as evidence stored by earlier versions has it."""
    if not mask.any():
        return
    draw = rng(seed)
    rows, columns = np.nonzero(mask)
    for _ in range(64):
        down = int(draw.integers(-rows.min(), mask.shape[0] - rows.max()))
        right = int(draw.integers(-columns.min(), mask.shape[1] - columns.max()))
        if not mask[rows + down, columns + right].any():
            found = elsewhere(mask, rng(seed))
            assert found[rows + down, columns + right].all()
            return


def test_elsewhere_differs_between_generators():
    region = square(32, 12, 12, 6)
    places = {elsewhere(region, rng(seed)).tobytes() for seed in range(20)}
    assert len(places) > 15


@unhurried
@given(st.integers(0, 10), st.integers(0, 10), seeds)
def test_a_small_region_is_moved_as_it_is(top, left, seed):
    region = np.zeros((24, 30), bool)
    region[top : top + 4, left : left + 5] = True
    region[top, left] = False  # not a mere box
    rows, columns = np.nonzero(elsewhere(region, rng(seed)))
    own_rows, own_columns = np.nonzero(region)
    assert np.array_equal(rows - rows.min(), own_rows - own_rows.min())
    assert np.array_equal(columns - columns.min(), own_columns - own_columns.min())


def test_a_small_region_is_moved_to_anywhere():
    """Also into the corners: a place that is never hidden would hold a shortcut for ever."""
    region = square(16, 7, 7, 3)
    hidden = np.mean([elsewhere(region, rng(seed)) for seed in range(2000)], axis=0)
    assert (hidden[~region] > 0).all()


def test_a_region_without_room_beside_itself_is_broken_into_tiles():
    region = np.ones((32, 32), bool)
    region[[0, -1]] = region[:, [0, -1]] = False
    region[8:24, 8:24] = False  # a ring: wherever it is moved it meets itself
    drawn = [elsewhere(region, rng(seed)) for seed in range(3)]
    assert region.mean() > 0.5
    assert all(np.array_equal(one, ~region) for one in drawn)
    region[20:] = False
    drawn = [elsewhere(region, rng(seed)) for seed in range(3)]
    assert all(one.sum() == region.sum() for one in drawn)
    assert not np.array_equal(drawn[0], drawn[1])


def test_tiles_are_blocks_not_dust():
    """Scattered single pixels would hide nothing that a model looks at."""
    region = square(64, 0, 0, 44)  # 47 % of the frame, too large to be moved off itself
    found = elsewhere(region, rng(5))
    inner = found[1:-1, 1:-1]
    neighbours = found[:-2, 1:-1] * 1 + found[2:, 1:-1] + found[1:-1, :-2] + found[1:-1, 2:]
    assert neighbours[inner].mean() > 2.5


@unhurried
@given(st.lists(hnp.arrays(bool, (6, 7)), min_size=1, max_size=8))
def test_the_population_is_what_one_patient_in_a_hundred_has(regions):
    """With fewer than a hundred patients that is any of them."""
    assert np.array_equal(typical(regions).population, np.any(regions, axis=0))


@pytest.mark.parametrize(("patients", "having", "belongs"), [(400, 3, False), (400, 4, True)])
def test_what_fewer_have_is_not_the_populations(patients, having, belongs):
    common, rare = square(8, 2, 2, 3), square(8, 0, 0, 1)
    regions = [common | rare if i < having else common for i in range(patients)]
    population = typical(regions).population
    assert population[0, 0] == belongs
    assert population[common].all()


def test_the_centre_is_the_mean_centroid_of_regions_that_are_not_empty():
    found = typical([square(9, 0, 0, 1), square(9, 4, 2, 1), np.zeros((9, 9), bool)])
    assert found.centre == (2.0, 1.0)
    assert centroid(square(9, 3, 4, 2)) == (3.5, 4.5)


@unhurried
@given(st.integers(1, 9), st.integers(1, 9))
def test_without_any_region_nothing_is_moved(height, width):
    found = typical([np.zeros((height, width), bool)] * 3)
    assert not found.population.any()
    assert found.window.all()


@unhurried
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=60))
def test_nineteen_images_in_twenty_still_fill_the_window_along_either_axis(corners):
    """Once their region is moved to the mean place, as whole pixels."""
    regions = [square(12, top, left, 4) for top, left in corners]
    found = typical(regions)
    rows, columns = np.nonzero(found.window)
    if not len(rows):
        return
    down, right = found.centre
    places = [centroid(region) for region in regions]
    for axis, mean, ends in (
        (0, down, (rows.min(), rows.max())),
        (1, right, (columns.min(), columns.max())),
    ):
        moved = np.array([round(mean - place[axis]) for place in places])
        filled = (np.maximum(moved, 0) <= ends[0]) & (11 + np.minimum(moved, 0) >= ends[1])
        assert filled.sum() >= np.floor(0.95 * (len(regions) - 1)) + 1
    assert found.window.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1), "it is a box"


def test_regions_that_lie_alike_leave_the_whole_frame():
    assert typical([square(12, 3, 5, 4)] * 5).window.all()


def test_regions_far_apart_leave_little_in_common():
    apart = typical([square(12, 0, 0, 2), square(12, 10, 10, 2)])
    assert np.argwhere(apart.window).min(axis=0).tolist() == [5, 5]
    assert np.argwhere(apart.window).max(axis=0).tolist() == [6, 6]


@unhurried
@given(sides, sides, st.lists(shifts, min_size=1, max_size=4), seeds)
def test_images_move_by_whole_pixels_and_lose_nothing_inside_the_frame(height, width, moves, seed):
    images = torch.from_numpy(1 + rng(seed).random((len(moves), 2, height, width)))
    moved = centre(images, moves)
    for image, found, (down, right) in zip(images, moved, moves, strict=True):
        expected = torch.zeros_like(image)
        for row in range(height):
            for column in range(width):
                if 0 <= row - down < height and 0 <= column - right < width:
                    expected[:, row, column] = image[:, row - down, column - right]
        assert torch.equal(found, expected)


@unhurried
@given(seeds)
def test_an_image_that_is_not_moved_stays_and_the_given_one_is_kept(seed):
    images = torch.from_numpy(rng(seed).random((2, 1, 6, 5)))
    before = images.clone()
    assert torch.equal(centre(images, [(0, 0), (0, 0)]), images)
    centre(images, [(1, 2), (-3, 0)])
    assert torch.equal(images, before)
