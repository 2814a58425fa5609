"""What shipped fills put in the region's place: by brute force, and knowing nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from maskings.showing import Lending, shown
from scipy.ndimage import binary_dilation
from torch.nn import functional

from audit_suite.maskings import OnlyROI, WithoutROI
from audit_suite.maskings.fill import Fill, Surroundings, register_fill
from audit_suite.maskings.fills.blur import Blur
from audit_suite.maskings.fills.inpaint import inpaint
from audit_suite.maskings.fills.noise import Noise
from audit_suite.maskings.show import Batch, hidden_pixels, show
from audit_suite.regions import signed_distance

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault

lengths = st.integers(1, 33)
seeds = st.integers(0, 2**32 - 1)
channels = st.sampled_from([1, 3])


@st.composite
def scenes(draw):
    """Images, hidden pixels (at times none, or all), and a data set's mean, of any size."""
    shape = (draw(st.integers(1, 3)), draw(channels), draw(lengths), draw(lengths))
    rng = np.random.default_rng(draw(seeds))
    images = torch.from_numpy(rng.random(shape, np.float32))
    share = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    hidden = torch.from_numpy(rng.random((shape[0], 1, *shape[2:])) < share)
    return images, hidden, torch.from_numpy(rng.random(shape[1], np.float32))


@unhurried
@given(scenes(), seeds)
def test_inpainting_reads_no_hidden_pixel(scene, seed):
    images, hidden, mean = scene
    other = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed))
    wild = torch.where(hidden, torch.where(other < 0.1, torch.nan, 100 * other), images)
    assert torch.equal(inpaint(wild, hidden, mean), inpaint(images, hidden, mean))


@unhurried
@given(scenes())
def test_inpainting_keeps_visible_pixels_and_stays_in_their_range(scene):
    images, hidden, mean = scene
    found = inpaint(images, hidden, mean)
    kept = ~hidden.expand_as(images)
    assert torch.equal(found[kept], images[kept])
    assert torch.isfinite(found).all()
    for image, filled, visible, level in zip(
        images.flatten(0, 1),
        found.flatten(0, 1),
        kept.flatten(0, 1),
        mean.repeat(len(images)),
        strict=True,
    ):
        known = image[visible] if visible.any() else level[None]
        assert filled.min() >= known.min() - 1e-5
        assert filled.max() <= known.max() + 1e-5


@unhurried
@given(scenes())
def test_inpainting_is_the_same_again_and_in_any_batch(scene):
    images, hidden, mean = scene
    found = inpaint(images, hidden, mean)
    assert torch.equal(inpaint(images, hidden, mean), found)
    alone = [inpaint(images[i : i + 1], hidden[i : i + 1], mean) for i in range(len(images))]
    assert torch.equal(torch.cat(alone), found)


@unhurried
@given(scenes(), st.floats(0, 1, width=32))
def test_a_constant_image_stays_constant(scene, level):
    images, hidden, _ = scene
    found = inpaint(torch.full_like(images, level), hidden, torch.full((images.shape[1],), level))
    assert torch.allclose(found, torch.full_like(images, level), atol=1e-6)


def test_an_image_none_of_which_is_visible_becomes_the_data_sets_mean():
    images = torch.rand(2, 3, 13, 10)
    mean = torch.tensor([0.2, 0.5, 0.7])
    found = inpaint(images, torch.ones(2, 1, 13, 10, dtype=torch.bool), mean)
    assert torch.allclose(found, mean[None, :, None, None].expand_as(found))


def test_inpainting_carries_a_slope_across_a_large_hole():
    """Where "blur" falls back to the data set's mean."""
    ramp = torch.linspace(0.2, 0.8, 48).repeat(48, 1)[None, None]
    region = np.zeros((48, 48), bool)
    region[8:40, 8:40] = True
    distance = torch.from_numpy(signed_distance(region))[None]
    inpainted, blurred = (
        shown(WithoutROI(fill=fill), ramp, distance, torch.tensor([0.0]))
        for fill in ("inpaint", "blur")
    )
    middle = (0, 0, slice(22, 26), slice(22, 26))
    assert inpainted[middle].mean() == pytest.approx(0.5, abs=0.05)
    assert blurred[middle].mean() < 0.2
    rows = inpainted[0, 0, 24, 8:40]
    assert rows[0] < rows[15] < rows[31]


@unhurried
@given(
    hnp.arrays(bool, (2, 9, 11)),
    st.sampled_from([WithoutROI, OnlyROI]),
    st.integers(-2, 2),
    st.sampled_from(["contour", "box"]),
    seeds,
)
def test_a_swap_shows_the_image_where_visible_and_the_background_where_hidden(
    regions, side, dilation, shape, seed
):
    generator = torch.Generator().manual_seed(seed)
    images, backgrounds = (torch.rand(2, 1, 9, 11, generator=generator) for _ in range(2))
    distance = torch.from_numpy(np.stack([signed_distance(region) for region in regions]))
    masking = side(fill="swap", dilation=dilation, shape=shape)
    lent = [(background, np.zeros((9, 11), bool)) for background in backgrounds.numpy()]
    batch = Batch.of_one_region(images, distance)
    found = show(masking, batch, Lending(torch.zeros(1), lent=lent)).images
    hidden = hidden_pixels(masking, distance)[:, None]
    assert torch.equal(found[hidden], backgrounds[hidden])
    assert torch.equal(found[~hidden], images[~hidden])


@unhurried
@given(scenes())
def test_a_blur_weighs_visible_pixels_by_a_gaussian(scene):
    """By sums over offsets, written out; far from all that is visible it is the mean."""
    images, hidden, mean = scene
    found = Blur()(images.masked_fill(hidden, 0), hidden, Surroundings(mean, [], tuple))
    sigma = 0.06 * max(images.shape[2:])
    reach = max(1, int(np.ceil(3 * sigma)))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    shown = (~hidden).double()

    def smooth(pixels):
        padded = functional.pad(pixels, (reach,) * 4).unfold(2, len(offsets), 1)
        windows = padded.unfold(3, len(offsets), 1)
        return (windows * torch.from_numpy(kernel)).sum(dim=(4, 5))

    density = smooth(shown)
    near = density / (density + 0.01)
    known = smooth(images.double() * shown) / density.clamp(min=1e-12)
    expected = near * known + (1 - near) * mean.double()[None, :, None, None]
    assert torch.allclose(found.double(), expected, atol=2e-6)


@unhurried
@given(scenes(), seeds)
def test_noise_imitates_the_ring_within_a_square_around_hidden_pixels(scene, seed):
    images, hidden, mean = scene
    draws = [seed] * len(images)
    found = Noise()(images.masked_fill(hidden, 0), hidden, Surroundings(mean, draws, tuple))
    width = max(1, round(0.08 * max(images.shape[2:])))
    drawn = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(seed))
    for image, gone, filled in zip(images, hidden[:, 0].numpy(), found, strict=True):
        square = np.ones((2 * width + 1, 2 * width + 1), bool)
        ring = torch.from_numpy(binary_dilation(gone, square) & ~gone)
        for channel, level, noise, put in zip(image, mean, drawn, filled, strict=True):
            around = channel[ring].double()
            centre = around.mean() if len(around) else level.double()
            spread = around.std(correction=0) if len(around) else 0.0
            expected = (centre + spread * noise.double()).clamp(0, 1)
            assert torch.allclose(put.double(), expected, atol=2e-5)


@dataclass(frozen=True)
class Counting(Lending):
    """Notes whose donor is asked for."""

    asked: list[int] = field(default_factory=list)

    def donor(self, region, index):
        self.asked.append(index)
        return super().donor(region, index)


def test_donors_of_a_batch_are_looked_up_once_for_all_its_maskings():
    images, backgrounds = torch.rand(3, 1, 9, 11), torch.rand(3, 1, 9, 11)
    region = np.zeros((9, 11), bool)
    region[3:6, 3:6] = True
    distance = torch.from_numpy(signed_distance(region))[None].expand(3, -1, -1)
    context = Counting(torch.zeros(1), lent=[(each, region) for each in backgrounds.numpy()])
    batch = Batch.of_one_region(images, distance)
    maskings = [WithoutROI(fill="swap"), OnlyROI(fill="swap"), WithoutROI(fill="swap", dilation=2)]
    together = [show(masking, batch, context).images for masking in maskings]
    assert context.asked == [0, 1, 2]
    for masking, found in zip(maskings, together, strict=True):
        alone = Batch.of_one_region(images, distance)
        assert torch.equal(show(masking, alone, context).images, found)


@dataclass(frozen=True)
class Scribble(Fill):
    """Writes to what it was lent."""

    name = "scribble"
    needs_donor = True

    def __call__(self, visible, hidden, around):
        others, _ = around.lent()
        return others.mul_(0.5)


def test_a_fill_that_writes_to_what_it_is_lent_spoils_it_for_no_other():
    register_fill(Scribble())
    images, backgrounds = torch.rand(2, 1, 9, 11), torch.rand(2, 1, 9, 11)
    distance = torch.from_numpy(signed_distance(np.eye(9, 11, dtype=bool)))[None].expand(2, -1, -1)
    nothing = np.zeros((9, 11), bool)
    context = Lending(torch.zeros(1), lent=[(each, nothing) for each in backgrounds.numpy()])
    batch = Batch.of_one_region(images, distance)
    first = show(WithoutROI(fill="scribble"), batch, context).images
    assert torch.equal(show(WithoutROI(fill="scribble"), batch, context).images, first)
    swapped = show(WithoutROI(fill="swap"), batch, context)
    hidden = swapped.hidden[:, None]
    assert torch.equal(swapped.images[hidden], backgrounds[hidden])
