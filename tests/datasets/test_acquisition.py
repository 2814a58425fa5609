"""How an image looks outside its region's box: nothing of the finding, all of how it was made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.datasets.acquisition import AREAS, EACH, acquisition
from audit_suite.datasets.outside import reduced

seeds = st.integers(0, 2**32 - 1)


def scene(seed=0, size=(120, 90)):
    rng = np.random.default_rng(seed)
    image = rng.integers(40, 200, size).astype(np.uint8)
    roi = np.zeros(size, bool)
    roi[40:80, 30:60] = True
    return image, roi


def area(found, name):
    start = AREAS.index(name) * EACH
    return found[start : start + EACH]


@given(seeds)
def test_nothing_inside_the_box_or_at_its_edge_shows(seed):
    image, roi = scene(seed)
    changed = image.copy()
    changed[39:81, 29:61] = np.random.default_rng(seed + 1).integers(0, 256, (42, 32))
    assert np.array_equal(acquisition(image, roi), acquisition(changed, roi))


def test_the_edge_is_the_rim_and_the_corners():
    image, roi = scene()
    inner = image.copy()
    inner[25:-25, 25:-25] = 0
    found, changed = acquisition(image, roi), acquisition(inner, roi)
    assert np.array_equal(area(found, "edge"), area(changed, "edge"))
    assert not np.array_equal(area(found, "outside"), area(changed, "outside"))
    marked = image.copy()
    marked[:12, :12] = 255
    assert not np.array_equal(area(found, "edge"), area(acquisition(marked, roi), "edge"))


@pytest.mark.parametrize("change", ["exposure", "grain", "contrast"])
@pytest.mark.parametrize("name", AREAS)
def test_how_an_image_was_made_shows(change, name):
    rng = np.random.default_rng(3)
    image = np.broadcast_to(np.linspace(80, 150, 90), (120, 90)).astype(float)
    _, roi = scene()
    made = {
        "exposure": image * 1.3,
        "grain": image + rng.normal(0, 10, image.shape),
        "contrast": (image - 115) * 0.5 + 115,
    }[change]
    before, after = (area(acquisition(i.astype(np.uint8), roi), name) for i in (image, made))
    assert np.abs(before - after).max() > 0.02


def test_a_colour_cast_shows():
    image, roi = scene()
    colour = np.stack([image] * 3, axis=2)
    warm = colour.copy()
    warm[..., 0] = np.minimum(255, warm[..., 0].astype(int) + 30)
    assert np.allclose(acquisition(colour, roi), acquisition(image, roi), atol=1e-5)
    tints = area(acquisition(warm, roi), "outside")[-3:]
    assert tints[0] > 0.05 > 0 > tints[1]


@pytest.mark.parametrize("roi", [None, np.zeros((120, 90), bool)])
def test_without_a_region_only_the_edge_is_known(roi):
    found = acquisition(scene()[0], roi)
    assert np.isnan(area(found, "outside")).all()
    assert np.isfinite(area(found, "edge")).all()


def test_a_box_that_fills_the_frame_leaves_nothing():
    image, _ = scene()
    assert np.isnan(acquisition(image, np.ones(image.shape, bool))).all()


@given(st.integers(1, 700), st.integers(1, 700), seeds)
def test_what_lies_outside_is_off_the_box_at_any_size(height, width, seed):
    rng = np.random.default_rng(seed)
    roi = np.zeros((height, width), bool)
    top, left = rng.integers(0, height), rng.integers(0, width)
    roi[top : top + rng.integers(1, height + 1), left : left + rng.integers(1, width + 1)] = True
    look = reduced(np.zeros((height, width), np.uint8), roi)
    assert max(look.grey.shape) <= 256
    step = -(-max(height, width) // 256)
    rows, columns = np.flatnonzero(roi.any(1)), np.flatnonzero(roi.any(0))
    kept = np.argwhere(look.outside) * step
    for row, column in kept[:: max(1, len(kept) // 50)]:
        off = max(rows[0] - row, row - rows[-1], columns[0] - column, column - columns[-1])
        assert off > 0, "outside the box by more than nothing"
