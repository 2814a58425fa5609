"""Properties of image files (M3): each answers to what it is named for, none to the region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from audit_suite.datasets.properties import INSIDE, OF_THE_FILE, PROPERTIES, image_properties

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 60)
unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault


def measured(image, roi=None):
    return dict(zip(PROPERTIES, image_properties(image, roi).tolist(), strict=True))


def smooth(height=200, width=260, low=90, high=160):
    """A body without edges: soft shades, nothing black, nothing small and bright."""
    y, x = np.mgrid[:height, :width]
    wave = np.sin(5 * x / width) * np.cos(4 * y / height)
    return (low + (high - low) * (wave + 1) / 2).astype(np.uint8)


def grainy(image, spread, seed=0):
    noise = np.random.default_rng(seed).normal(0, spread, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def lettered(image):
    picture = Image.fromarray(image)
    ImageDraw.Draw(picture).text((8, 6), "PORTABLE 12:30  L", fill=255)
    return np.asarray(picture)


def framed(image, width):
    found = image.copy()
    found[:width] = found[-width:] = found[:, :width] = found[:, -width:] = 0
    return found


def moved_by(change, name, least):
    """Whether a change of the image moves a property up by ``least`` or more."""
    before, after = measured(smooth()), measured(change(smooth()))
    return after[name] - before[name] >= least


@pytest.mark.parametrize(
    ("name", "change", "least"),
    [
        ("megapixels", lambda image: image.repeat(3, 0).repeat(3, 1), 0.4),
        ("aspect", lambda image: np.concatenate([image, image], axis=1), 1.2),
        ("brightness", lambda image: image + np.uint8(40), 0.15),
        ("contrast", lambda image: ((image.astype(int) - 125) * 2 + 125).clip(0, 255), 0.05),
        ("entropy", lambda image: ((image.astype(int) - 125) * 3 + 125).clip(0, 255), 0.5),
        ("border", lambda image: framed(image, 12), 0.9),
        ("marks", lettered, 0.002),
        ("grain", lambda image: grainy(image, 8), 0.015),
        ("saturation", lambda image: np.where(np.indices(image.shape)[0] < 9, 240, image), 0.05),
    ],
)
def test_each_property_answers_to_what_it_is_named_for(name, change, least):
    assert moved_by(lambda image: change(image).astype(np.uint8), name, least)


@pytest.mark.parametrize(
    ("change", "still"),
    [
        (lambda image: image + np.uint8(40), ("contrast", "border", "marks", "grain")),
        (lettered, ("border", "grain", "aspect", "megapixels")),
        (lambda image: framed(image, 12), ("grain", "aspect", "megapixels")),
        (lambda image: grainy(image, 8), ("border", "marks", "aspect")),
        (lambda image: image[::-1, ::-1], ("aspect", "brightness", "contrast", "entropy", "grain")),
    ],
)
def test_properties_stay_where_something_else_changes(change, still):
    before, after = measured(smooth()), measured(np.ascontiguousarray(change(smooth())))
    for name in still:
        assert after[name] == pytest.approx(before[name], abs=0.01), name


def test_what_the_numbers_are():
    image = np.zeros((100, 50), np.uint8)
    image[:, 25:] = 255
    found = measured(image)
    assert found["megapixels"] == pytest.approx(0.005)
    assert found["aspect"] == 0.5
    assert found["brightness"] == found["contrast"] == pytest.approx(0.5)
    assert found["entropy"] == pytest.approx(1.0), "one bit"
    assert found["border"] == pytest.approx(0.5)
    assert found["saturation"] == pytest.approx(0.5)
    left = np.zeros(image.shape, bool)
    left[:, :30] = True
    assert measured(image, left)["saturation"] == pytest.approx(5 / 30), "of the region alone"
    flat = measured(np.full((30, 30), 51, np.uint8))
    assert flat["brightness"] == pytest.approx(0.2)
    assert flat["contrast"] == pytest.approx(0.0, abs=1e-6)
    assert flat["entropy"] == flat["border"] == flat["marks"] == flat["grain"] == 0


@st.composite
def pictures(draw):
    """Images of any size, 8 or 16 bits, grey or colour."""
    shape = (draw(lengths), draw(lengths))
    if draw(st.booleans()):
        shape += (3,)
    kind = draw(st.sampled_from([np.uint8, np.uint16]))
    return np.random.default_rng(draw(seeds)).integers(0, np.iinfo(kind).max + 1, shape, kind)


@unhurried
@given(pictures(), seeds)
def test_every_image_of_any_size_and_depth_has_finite_properties_in_range(image, seed):
    roi = np.random.default_rng(seed).random(image.shape[:2]) < 0.3
    for region in (None, roi, np.zeros_like(roi), np.ones_like(roi)):
        found = image_properties(image, region)
        assert found.dtype == np.float32
        named = dict(zip(PROPERTIES, found.tolist(), strict=True))
        unknown = {name for name, value in named.items() if not np.isfinite(value)}
        assert unknown in (set(), {"border"}, set(PROPERTIES) - {*OF_THE_FILE, *INSIDE})
        if region is None or not region.any():
            assert not unknown
        for name in {"brightness", "border", "marks", "grain", "saturation"} - unknown:
            assert 0 <= named[name] <= 1
        if "contrast" not in unknown:
            assert 0 <= named["contrast"] <= 0.5 + 1e-6
            assert -1e-6 <= named["entropy"] <= 6 + 1e-6


@unhurried
@given(pictures())
def test_bit_depth_and_grey_stored_as_colour_make_no_difference(image):
    grey = image if image.ndim == 2 else image[..., 0]
    grey = (grey >> (8 if grey.dtype == np.uint16 else 0)).astype(np.uint8)
    expected = image_properties(grey)
    deep = grey.astype(np.uint16) * 257  # 255 becomes 65535
    for same in (deep, np.stack([grey] * 3, axis=2)):
        assert np.allclose(image_properties(same), expected, atol=1e-5)


def test_colour_counts_by_the_mean_of_its_channels():
    image = np.stack([np.full((20, 20), v, np.uint8) for v in (30, 60, 120)], axis=2)
    assert measured(image)["brightness"] == pytest.approx(70 / 255)


def of_outside(image, roi=None):
    """All but the one property that is of the region itself."""
    return image_properties(image, roi)[[name != "saturation" for name in PROPERTIES]]


@unhurried
@given(seeds, st.integers(20, 60), st.integers(20, 60))
def test_intensities_inside_the_region_do_not_matter(seed, height, width):
    """What is inside may be the disease: neither it nor its edge may pass for a property."""
    rng = np.random.default_rng(seed)
    image, other = rng.integers(0, 256, (2, height, width)).astype(np.uint8)
    roi = np.zeros((height, width), bool)
    top, left = rng.integers(0, height - 10), rng.integers(0, width - 10)
    roi[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = True
    changed = np.where(roi, other, image)
    assert np.array_equal(of_outside(image, roi), of_outside(changed, roi), equal_nan=True)


def test_between_the_parts_of_a_region_the_finding_may_show_too():
    """A heart between two lungs, or a finding that the masks miss: all of the box is left out."""
    image, other = np.random.default_rng(6).integers(0, 256, (2, 100, 100)).astype(np.uint8)
    roi = np.zeros(image.shape, bool)
    roi[30:70, 25:40] = roi[30:70, 60:75] = True
    within = np.zeros(image.shape, bool)
    within[30:70, 25:75] = True
    assert np.array_equal(of_outside(image, roi), of_outside(np.where(within, other, image), roi))
    assert not np.array_equal(
        of_outside(image, roi), of_outside(np.where(~within, other, image), roi)
    )


@pytest.mark.parametrize("size", [(700, 900), (256, 256), (1500, 40)])
def test_nor_do_they_in_large_images(size):
    rng = np.random.default_rng(5)
    image, other = rng.integers(0, 65536, (2, *size)).astype(np.uint16)
    roi = np.zeros(size, bool)
    roi[size[0] // 4 : size[0] // 2, : size[1] // 2] = True  # reaches the rim
    changed = np.where(roi, other, image)
    found = of_outside(image, roi)
    assert np.array_equal(found, of_outside(changed, roi), equal_nan=True)
    assert not np.array_equal(found, of_outside(changed)), "without it they do"


def test_a_region_leaves_the_rest_to_be_measured():
    image = smooth()
    roi = np.zeros(image.shape, bool)
    roi[60:140, 60:200] = True
    marked = lettered(image)
    assert measured(marked, roi)["marks"] > measured(image, roi)["marks"]
    assert measured(framed(image, 12), roi)["border"] > 0.9
    assert measured(image + np.uint8(40), roi)["brightness"] > measured(image, roi)["brightness"]


def test_textures_of_files_of_any_resolution_are_measured_alike():
    """A scanner that stores twice the pixels is told by megapixels, not by brightness."""
    small = smooth(400, 400)
    large = smooth(800, 800)
    a, b = measured(small), measured(large)
    assert b["megapixels"] == 4 * a["megapixels"]
    for name in ("aspect", "brightness", "contrast", "entropy", "border", "marks"):
        assert b[name] == pytest.approx(a[name], abs=0.03), name
