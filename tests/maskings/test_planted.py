"""The planted pattern of C9: never across the region's edge, and found by its reader alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from maskings.showing import shown

from audit_suite.maskings import OnlyROI, WithoutROI
from audit_suite.maskings.planted import (
    CELL,
    PatternReader,
    pattern,
    pattern_reader,
    pattern_side,
    plant,
)
from audit_suite.regions import signed_distance

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(8, 70)
MEAN = torch.tensor([0.4])
FILLS = ("black", "mean", "blur", "noise", "inpaint")


def regions(seed, height, width, count=2):
    """Random boxes; now and then none, or all of the frame."""
    rng = np.random.default_rng(seed)
    found = np.zeros((count, height, width), bool)
    for region in found:
        if (kind := rng.random()) < 0.9:
            top, bottom = np.sort(rng.integers(0, height + 1, 2))
            left, right = np.sort(rng.integers(0, width + 1, 2))
            region[top:bottom, left:right] = True
        elif kind < 0.95:
            region[:] = True
    return found


def distances(found):
    return torch.from_numpy(np.stack([signed_distance(region) for region in found]))


@unhurried
@given(seeds, lengths, lengths, st.booleans())
def test_not_a_pixel_crosses_the_regions_edge(seed, height, width, inside):
    found = regions(seed, height, width)
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    before = images.clone()
    planted = plant(images, distances(found), inside)
    wrong = torch.from_numpy(~found if inside else found)[:, None].expand_as(images)
    assert torch.equal(planted[wrong], images[wrong])
    assert torch.equal(images, before), "the images given are left alone"
    side = pattern_side(height, width)
    assert (planted != images).any(1).sum(dim=(1, 2)).max() <= side**2


@unhurried
@given(seeds, lengths, lengths, st.sampled_from(FILLS), st.sampled_from(["contour", "box"]))
def test_hiding_the_region_hides_all_of_a_pattern_inside(seed, height, width, fill, shape):
    distance = distances(regions(seed, height, width))
    images = torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(2))
    planted = plant(images, distance, inside=True)
    masking = WithoutROI(fill=fill, shape=shape)
    hidden = shown(masking, planted, distance, MEAN, [1, 2])
    assert torch.equal(hidden, shown(masking, images, distance, MEAN, [1, 2]))


@unhurried
@given(seeds, lengths, lengths, st.sampled_from(FILLS))
def test_hiding_all_but_the_region_hides_all_of_a_pattern_outside(seed, height, width, fill):
    distance = distances(regions(seed, height, width))
    images = torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(2))
    planted = plant(images, distance, inside=False)
    hidden = shown(OnlyROI(fill=fill), planted, distance, MEAN, [1, 2])
    assert torch.equal(hidden, shown(OnlyROI(fill=fill), images, distance, MEAN, [1, 2]))


@unhurried
@given(st.integers(8, 400), st.integers(8, 400))
@example(8, 400)
def test_the_square_is_of_whole_cells_and_fits_the_frame(height, width):
    side = pattern_side(height, width)
    assert side % CELL == 0
    assert 2 * CELL <= side <= min(height, width)
    board = pattern(side)
    assert board.shape == (side, side)
    assert set(board.unique().tolist()) == {0.0, 1.0}
    assert board.mean() == pytest.approx(0.5, abs=1 / (side // CELL) ** 2)


def scene(size, inside):
    """A smooth image, and a region in its middle that leaves room on either side."""
    y, x = np.mgrid[:size, :size] / size
    image = torch.from_numpy(0.5 + 0.2 * np.sin(4 * x) * np.cos(3 * y)).float()[None, None]
    region = np.zeros((1, size, size), bool)
    region[0, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = True
    return image, plant(image, distances(region), inside), distances(region)


@pytest.mark.parametrize("size", [16, 32, 48, 64, 224])
@pytest.mark.parametrize("inside", [True, False])
def test_the_reader_finds_the_pattern_and_nothing_in_smooth_images(size, inside):
    image, planted, _ = scene(size, inside)
    reader = pattern_reader()
    assert reader(planted).shape == (1, 1)
    assert reader(planted).item() > 0.45
    assert reader(image).item() < 0.03


@pytest.mark.parametrize("size", [16, 48, 64])
def test_hidden_regions_take_the_pattern_inside_and_leave_the_one_outside(size):
    reader = PatternReader()
    for inside in (True, False):
        image, planted, distance = scene(size, inside)
        plain, found = (
            reader(shown(WithoutROI(), one, distance, MEAN, [0])).item() for one in (image, planted)
        )
        assert found == plain if inside else found > plain + 0.2


@unhurried
@given(seeds)
def test_the_reader_finds_the_pattern_in_noise_wherever_it_lies(seed):
    """Brightness, contrast and colour are not what it looks at."""
    generator = torch.Generator().manual_seed(seed)
    noise = 0.3 + 0.05 * torch.randn(2, 3, 40, 40, generator=generator)
    region = regions(seed, 40, 40, count=2)
    found = plant(noise, distances(region), inside=True)
    board = (found != noise).any(1).flatten(1).sum(1)
    assume((board == pattern_side(40, 40) ** 2).any())
    reader = pattern_reader()
    told = (reader(found) - reader(noise))[:, 0]
    assert (told[board == pattern_side(40, 40) ** 2] > 0.2).all()
    assert torch.equal(told[board == 0], torch.zeros(int((board == 0).sum())))


@pytest.mark.parametrize("shape", [(8, 100), (200, 9)])
def test_a_strip_of_an_image_has_room_for_it_too(shape):
    images = torch.full((1, 1, *shape), 0.5)
    found = plant(images, distances(np.ones((1, *shape), bool)), inside=True)
    assert 16 <= (found != images).sum() <= 8 * 8
    assert pattern_reader()(found).item() > 0.4


def test_an_image_without_room_stays_as_it_is():
    images = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    nowhere = distances(np.zeros((1, 16, 16), bool))
    everywhere = distances(np.ones((1, 16, 16), bool))
    assert torch.equal(plant(images, nowhere, inside=True), images)
    assert torch.equal(plant(images, everywhere, inside=False), images)
