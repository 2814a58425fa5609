"""What maskings hide, and which show the same pixels: against a look at every pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.evidence.scores.versions import hidden_parts
from audit_suite.maskings import Full, Masking, Shuffled
from audit_suite.maskings.show import hidden_pixels
from audit_suite.regions import signed_distance

SIDE = 12
DILATIONS = (-3, -1, 0, 1, 2, 5, 30)
MASKINGS = [
    Masking(keep, region, shape, dilation, fill, whose)
    for keep in ("inside", "outside")
    for region, whose in ((("a",), "own"), (("a",), "foreign"), (("b",), "own"))
    for shape in ("contour", "box")
    for dilation in DILATIONS
    for fill in ("black", "mean")
]


def distances(seed: int, kind: str):
    """Of two images: blobs, rectangles, nothing or everything; region b is region a by chance."""
    rng = np.random.default_rng(seed)

    def region():
        mask = np.zeros((SIDE, SIDE), bool)
        if kind == "full":
            return ~mask
        if kind == "blobs":
            return rng.random((SIDE, SIDE)) < rng.choice([0.02, 0.3])
        if kind == "boxes":
            top, left = rng.integers(0, SIDE - 2, 2)
            mask[top : top + rng.integers(1, 6), left : left + rng.integers(1, 6)] = True
        return mask

    own = [region() for _ in range(2)]
    other = own if rng.random() < 0.3 else [region() for _ in range(2)]
    wider = [mask | region() for mask in own]
    return {
        (("a",), "own"): _stacked(own),
        (("b",), "own"): _stacked(other),
        (("a",), "foreign"): _stacked(wider),
    }


def _stacked(masks):
    return torch.from_numpy(np.stack([signed_distance(mask) for mask in masks]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["blobs", "boxes", "none", "full"]))
def test_equal_versions_are_equal_pixels(seed, kind):
    found = distances(seed, kind)
    parts = hidden_parts(MASKINGS, found, 2)
    pixels: dict[str, set[bytes]] = {}
    for masking in MASKINGS:
        hidden = hidden_pixels(masking, found[masking.area])
        own = found[masking.own_area] < 0
        part = parts[masking]
        assert np.allclose(part.share, hidden.double().mean(dim=(1, 2)))
        covered = (hidden & own).sum(dim=(1, 2)) / own.sum(dim=(1, 2)).clamp(min=1)
        assert np.allclose(part.covered, covered)
        assert (part.version == "") == (not hidden.any())
        pixels.setdefault(part.version, set()).add(hidden.numpy().tobytes())
    assert all(len(each) == 1 for each in pixels.values()), "different pixels under one name"
    # Dilations that hide the same are recognised, and so are frames that are hidden altogether.
    for masking in MASKINGS:
        if hidden_pixels(masking, found[masking.area]).all():
            assert parts[masking].version.endswith(" everything")
    for one, other in zip(MASKINGS, MASKINGS[2:], strict=False):
        alike = (one.keep, one.area) == (other.keep, other.area)
        both = [hidden_pixels(each, found[each.area]) for each in (one, other)]
        if alike and one.shape == other.shape == "contour" and torch.equal(*both):
            assert parts[one].version == parts[other].version


def test_a_rectangle_is_its_own_box():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[2:5, 3:9] = True
    parts = hidden_parts(
        [Masking("outside", ("a",), shape) for shape in ("contour", "box")],
        {(("a",), "own"): _stacked([mask, mask])},
        2,
    )
    assert len({part.version for part in parts.values()}) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("without-a-d30", "without-a-d40", True),
        ("without-a-d30-noise", "without-a-d40-noise", False),  # drawn anew
        ("without-a-d30-mean", "without-a-d30", False),
        ("without-a-d30-swap", "without-b-d30-swap", False),  # donors lack another region
        ("without-a-d30-mean", "without-b-d30-mean", True),
        ("without-a-plant-inside", "without-a-plant-outside", False),
        ("only-a-e9-plant-inside", "only-b-e9-plant-inside", False),
    ],
)
def test_what_else_decides_the_pixels(one, other, same):
    maskings = [Masking.parse(one), Masking.parse(other)]
    parts = hidden_parts(maskings, distances(1, "boxes"), 2)
    assert (parts[maskings[0]].version == parts[maskings[1]].version) is same


def test_whole_and_shuffled_images_hide_nothing():
    maskings = [Full(), Shuffled("pixels"), Shuffled("patches")]
    parts = hidden_parts(maskings, {}, 3)
    assert [part.version for part in parts.values()] == ["", "shuffled-pixels", "shuffled-patches"]
    assert all(part.share.shape == (3,) and not part.share.any() for part in parts.values())
