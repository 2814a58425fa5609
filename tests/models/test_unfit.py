"""A mask comes back from the model's input to where it was in the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.cards import InputSpec
from audit_suite.errors import AuditError
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.models.resizing import unfit_mask

SIDES = st.integers(8, 70)
WAYS = ("pad", "stretch", "crop")


def spec(size, resize):
    return InputSpec(size=size, channels=1, resize=resize, scale="unit", mean=(0.0,), std=(1.0,))


def fitted_size(shape, size, resize):
    if resize == "stretch":
        return size
    ratios = [size[0] / shape[0], size[1] / shape[1]]
    ratio = min(ratios) if resize == "pad" else max(ratios)
    return tuple(max(1, round(side * ratio)) for side in shape)


def brute_force(mask, shape, size, resize):
    """Each pixel's centre, carried to the input and looked up there."""
    there = fitted_size(shape, size, resize)
    back = np.zeros(shape, bool)
    for y in range(shape[0]):
        for x in range(shape[1]):
            place = []
            for at, side, scaled, target in zip((y, x), shape, there, size, strict=True):
                offset = (
                    (target - scaled) // 2 if scaled <= target else -round((scaled - target) / 2)
                )
                place.append(int((at + 0.5) * scaled / side) + offset)
            inside = 0 <= place[0] < size[0] and 0 <= place[1] < size[1]
            back[y, x] = inside and mask[tuple(place)]
    return back


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(WAYS), st.integers(0, 99))
def test_every_pixel_as_by_brute_force(high, wide, height, width, resize, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    card = spec((height, width), resize)
    expected = brute_force(mask, (high, wide), (height, width), resize)
    assert np.array_equal(unfit_mask(mask, (high, wide), card), expected)


@given(SIDES, SIDES, st.integers(1, 3), st.sampled_from(WAYS), st.integers(0, 99))
def test_there_and_back_in_an_image_that_is_larger(height, width, factor, resize, seed):
    """What was seen of a mask at the input is seen again."""
    shape = height * factor, width * factor
    card = spec((height, width), resize)
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    back = unfit_mask(mask, shape, card)
    again = fit_geometry(np.zeros(shape, np.uint8), {"m": back}, card)[1]["m"]
    assert np.array_equal(again, mask)


@pytest.mark.parametrize(("shape", "size"), [((64, 128), (32, 32)), ((128, 32), (32, 32))])
@pytest.mark.parametrize("resize", WAYS)
def test_a_region_of_whole_blocks_comes_back_whole(shape, size, resize):
    region = np.zeros(shape, bool)
    region[40:60, 8:40] = True
    card = spec(size, resize)
    seen = fit_geometry(
        np.zeros(shape, np.uint8), {"m": region, "all": np.ones(shape, bool)}, card
    )[1]
    back, there = (unfit_mask(seen[name], shape, card) for name in ("m", "all"))
    if resize == "crop":  # what is cropped away is not known
        assert not there.all()
    else:
        assert there.all()
    assert np.array_equal(back, region & there)


def test_a_function_of_the_card_has_no_known_inverse():
    card = spec((32, 32), "pad").model_copy(update={"function": "prep.py:load"})
    with pytest.raises(AuditError, match=r"'input.function': prep\.py:load"):
        unfit_mask(np.zeros((32, 32), bool), (64, 64), card)


@pytest.mark.parametrize(("shape", "resize_to"), [((70, 50), 40), ((50, 90), 32)])
def test_the_centre_of_a_shorter_side_and_padding_at_the_end_come_back(shape, resize_to):
    """Where a pixel of the input has a pixel of the image, going back and forth keeps it."""
    more = {"resize": "short-side", "resize_to": resize_to}
    cards = [
        InputSpec(size=(32, 32), channels=1, mean=(0.0,), std=(1.0,), **more),
        InputSpec(size=(32, 32), channels=1, mean=(0.0,), std=(1.0,), resize="pad", pad_at="end"),
    ]
    for card in cards:
        region = np.zeros(shape, bool)
        region[20:40, 15:45] = True
        seen = fit_geometry(np.zeros(shape, np.uint8), {"m": region}, card)[1]["m"]
        back = unfit_mask(seen, shape, card)
        again = fit_geometry(np.zeros(shape, np.uint8), {"m": back}, card)[1]["m"]
        assert np.array_equal(again, seen)
        assert (back & region).sum() / (back | region).sum() > 0.75  # the larger image is cut
