"""The frame of any image in parts that need no mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.cards import InputSpec
from audit_suite.cards.names import fault_of_region
from audit_suite.datasets import Sample
from audit_suite.datasets.frame import CELLS, CORNER, EDGE, RIM, frame_parts
from audit_suite.evidence.frame import fit_with_frame
from audit_suite.explainers.region_shapley import EXACT_UP_TO, divide
from audit_suite.maskings import Masking, WithoutROI

SIDES = st.integers(8, 90)


@given(SIDES, SIDES, st.integers(0, 20), st.integers(0, 20))
def test_every_pixel_that_shows_the_image_is_in_one_part(height, width, down, right):
    seen = np.zeros((height + 2 * down, width + 2 * right), bool)
    seen[down : down + height, right : right + width] = True
    parts = frame_parts(seen)
    assert tuple(parts) == CELLS
    assert np.array_equal(np.sum(list(parts.values()), axis=0), seen.astype(int))


def test_corners_and_rim_by_brute_force():
    height, width = 60, 100
    parts = frame_parts(np.ones((height, width), bool))
    for y in range(height):
        for x in range(width):
            down, across = min(y, height - 1 - y) + 0.5, min(x, width - 1 - x) + 0.5
            corner = down < CORNER * 60 and across < CORNER * 60
            assert parts["frame.corners"][y, x] == corner
            rim = not corner and min(down, across) < RIM * 60
            assert parts["frame.rim"][y, x] == rim
    assert parts["frame.centre"][30, 50]
    assert parts["frame.upper-left"][15, 20]
    assert parts["frame.lower-right"][45, 80]


def test_parts_that_images_share_cannot_be_written_to():
    seen = np.ones((30, 40), bool)
    seen[:4] = False
    assert frame_parts(seen) is not frame_parts(seen), "the names are the caller's own"
    with pytest.raises(ValueError, match="read-only"):
        frame_parts(seen)["frame.rim"][0, 0] = True
    assert not frame_parts(seen)["frame.rim"][:4].any()
    assert frame_parts(seen.T)["frame.rim"].shape == (40, 30)


def test_an_image_that_is_not_seen_has_no_parts():
    assert not any(part.any() for part in frame_parts(np.zeros((20, 20), bool)).values())


@pytest.mark.parametrize("name", CELLS)
def test_parts_have_names_that_maskings_can_hold(name):
    assert not fault_of_region(name)
    for fill in ("black", "swap", "inpaint"):
        masking = WithoutROI(name, fill=fill)
        assert Masking.parse(masking.id) == masking


def spec(resize, size=(48, 48)):
    return InputSpec(size=size, channels=1, resize=resize, scale="unit", mean=(0.0,), std=(1.0,))


def test_the_frame_is_what_the_model_sees():
    image = np.zeros((40, 80), np.uint8)
    padded = fit_with_frame(Sample(image, {}), {}, spec("pad"), EDGE)[1]
    assert set(padded) == set(EDGE)
    assert not padded["frame.rim"][:12].any(), "padding is not part of the frame"
    assert padded["frame.corners"][12, 0]
    cropped = fit_with_frame(Sample(image, {}), {}, spec("crop"), EDGE)[1]
    assert cropped["frame.corners"][0, 0]
    assert cropped["frame.rim"][0, 24], "what is cropped away has no rim"


def test_regions_are_fitted_as_without_a_frame():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    lungs = image > 30
    plain, masks = fit_with_frame(Sample(image, {}), {"lungs": lungs}, spec("pad"), ("lungs",))
    framed, more = fit_with_frame(
        Sample(image, {}), {"lungs": lungs}, spec("pad"), ("lungs", *CELLS)
    )
    assert np.array_equal(plain, framed)
    assert np.array_equal(masks["lungs"], more["lungs"])
    assert set(more) == {"lungs", *CELLS}


@pytest.mark.parametrize(
    ("shape", "resize"), [((40, 80), "pad"), ((80, 40), "pad"), ((40, 80), "crop")]
)
def test_shapley_values_of_the_parts_are_exact(shape, resize):
    parts = fit_with_frame(Sample(np.zeros(shape, np.uint8), {}), {}, spec(resize), CELLS)[1]
    names, owners = divide([parts])
    assert len(np.unique(owners)) <= EXACT_UP_TO, names
