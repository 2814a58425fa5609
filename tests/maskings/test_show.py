"""Masking images: what is hidden is hidden, what is visible is untouched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from maskings.showing import shown

from audit_suite.maskings import Full, OnlyROI, WithoutROI
from audit_suite.maskings.show import hidden_pixels
from audit_suite.regions import signed_distance

unhurried = settings(deadline=None)  # a busy machine is no fault

FILLS = ("black", "mean", "blur", "noise")

fills = st.sampled_from(FILLS)
shapes = st.sampled_from(["contour", "box"])
sides = st.sampled_from([WithoutROI, OnlyROI])
dilations = st.integers(-6, 6)
seeds = st.integers(0, 10**6)


def scene(seed, batch=3, size=16, channels=1, kind=None):
    """Random images with random blobs for regions; some empty, some full."""
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((batch, channels, size, size), np.float32))
    regions = []
    for _ in range(batch):
        region = rng.random((size, size)) < rng.choice([0.02, 0.3])
        region = {"empty": region & False, "full": region | True}.get(kind, region)
        regions.append(region)
    distance = torch.from_numpy(np.stack([signed_distance(region) for region in regions]))
    return images, distance, torch.full((channels,), 0.4), regions


@unhurried
@given(seeds, sides, shapes, dilations, fills)
def test_visible_pixels_are_untouched_type_and_shape_kept(seed, side, shape, dilation, fill):
    images, distance, mean, _ = scene(seed, channels=1 + 2 * (seed % 2))
    masking = side(shape=shape, dilation=dilation, fill=fill)
    masked = shown(masking, images, distance, mean, [1, 2, 3])
    hidden = hidden_pixels(masking, distance)[:, None].expand_as(images)
    assert masked.dtype == images.dtype
    assert masked.shape == images.shape
    assert torch.equal(masked[~hidden], images[~hidden])
    assert torch.isfinite(masked).all()
    assert masked.min() >= 0
    assert masked.max() <= 1


@unhurried
@given(seeds, sides, shapes, dilations, fills)
def test_no_fill_reads_a_hidden_pixel(seed, side, shape, dilation, fill):
    images, distance, mean, _ = scene(seed)
    masking = side(shape=shape, dilation=dilation, fill=fill)
    hidden = hidden_pixels(masking, distance)[:, None]
    other = torch.where(hidden, torch.rand(images.shape), images)
    a = shown(masking, images, distance, mean, [1, 2, 3])
    b = shown(masking, other, distance, mean, [1, 2, 3])
    assert torch.equal(a, b)
    again = shown(masking, a, distance, mean, [1, 2, 3])
    assert torch.equal(again, a), "masking twice is masking once"


@unhurried
@given(seeds, dilations)
def test_contours_are_complementary(seed, dilation):
    _, distance, _, _ = scene(seed)
    without = hidden_pixels(WithoutROI(dilation=dilation), distance)
    only = hidden_pixels(OnlyROI(dilation=dilation), distance)
    assert torch.equal(without, ~only)
    assert not hidden_pixels(Full(), distance).any()


@unhurried
@given(seeds)
def test_the_box_holds_every_row_and_column(seed):
    _, distance, _, regions = scene(seed)
    boxes = hidden_pixels(WithoutROI(shape="box"), distance)
    for region, box in zip(regions, boxes.numpy(), strict=True):
        expected = np.zeros_like(region)
        if region.any():
            rows, columns = np.where(region)
            expected[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        assert np.array_equal(box, expected)


@unhurried
@given(seeds, shapes, fills, dilations)
def test_an_image_does_not_depend_on_its_batch(seed, shape, fill, dilation):
    images, distance, mean, _ = scene(seed)
    masking = WithoutROI(shape=shape, fill=fill, dilation=dilation)
    together = shown(masking, images, distance, mean, [7, 8, 9])
    order = [2, 0, 1]
    turned = shown(masking, images[order], distance[order], mean, [9, 7, 8])
    assert torch.equal(turned, together[order])


@pytest.mark.parametrize("fill", FILLS)
def test_empty_and_full_regions(fill):
    for kind in ("empty", "full"):
        images, distance, mean, _ = scene(0, kind=kind)
        hides_all = OnlyROI(fill=fill) if kind == "empty" else WithoutROI(fill=fill)
        hides_nothing = WithoutROI(fill=fill) if kind == "empty" else OnlyROI(fill=fill)
        assert torch.equal(shown(hides_nothing, images, distance, mean, [1] * 3), images)
        blank = shown(hides_all, images, distance, mean, [1, 1, 1])
        assert torch.equal(blank[0], blank[1]), "nothing of the image is left"
        expected = 0.0 if fill == "black" else 0.4
        assert torch.allclose(blank, torch.full_like(blank, expected))


def test_blur_goes_over_smoothly_from_its_surroundings():
    ramp = torch.linspace(0.2, 0.8, 32).repeat(32, 1)[None, None]
    region = np.zeros((32, 32), bool)
    region[12:20, 12:20] = True
    distance = torch.from_numpy(signed_distance(region))[None]
    masking = WithoutROI(fill="blur")
    masked = shown(masking, ramp, distance, torch.tensor([0.5]), [0])
    assert (masked - ramp).abs()[0, 0, 12:20, 12:20].max() < 0.12
    assert masked[0, 0, 16, 12] < masked[0, 0, 16, 19]


def test_noise_is_like_its_ring_and_seeded():
    rng = np.random.default_rng(0)
    image = torch.from_numpy(rng.normal(0.6, 0.05, (1, 1, 48, 48)).astype(np.float32))
    region = np.zeros((48, 48), bool)
    region[8:40, 8:40] = True
    distance = torch.from_numpy(signed_distance(region))[None]
    mean = torch.tensor([0.1])
    filled = [
        shown(WithoutROI(fill="noise"), image, distance, mean, [seed])[0, 0][
            torch.from_numpy(region)
        ]
        for seed in (1, 1, 2)
    ]
    assert filled[0].mean() == pytest.approx(0.6, abs=0.02)
    assert filled[0].std() == pytest.approx(0.05, rel=0.25)
    assert torch.equal(filled[0], filled[1])
    assert not torch.equal(filled[0], filled[2])


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("fill", FILLS)
def test_the_gpu_gives_the_same(fill):
    images, distance, mean, _ = scene(3)
    masking = WithoutROI(fill=fill)
    cpu = shown(masking, images, distance, mean, [1, 2, 3])
    gpu = shown(masking, images.cuda(), distance.cuda(), mean, [1, 2, 3])
    assert torch.allclose(cpu, gpu.cpu(), atol=1e-5)
