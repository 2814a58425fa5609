"""Masking value objects and the regions they speak of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import binary_dilation, binary_erosion, find_objects

from audit_suite.errors import AuditError
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.regions import FAR, extent, shared_distance, signed_distance, union

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14))
maskings = st.builds(
    Masking,
    keep=st.sampled_from(["inside", "outside"]),
    region=st.sampled_from([(), ("lungs",), ("left_lung", "heart"), ("disc",)]),
    shape=st.sampled_from(["contour", "box"]),
    dilation=st.integers(-600, 600),
    fill=st.sampled_from(["black", "mean", "blur", "noise"]),
)


@given(masks)
def test_the_extent_is_that_of_the_only_object_of_an_image(mask):
    assert [extent(mask)] == (find_objects(mask.astype(int)) or [None])


@given(masks, st.integers(0, 20))
def test_dilation_is_that_many_iterations_of_the_cross(mask, n):
    expected = binary_dilation(mask, CROSS, iterations=n) if n else mask
    assert np.array_equal(signed_distance(mask) <= n, expected)


@given(masks, st.integers(1, 20))
def test_erosion_is_that_many_iterations_of_the_cross(mask, n):
    expected = binary_erosion(mask, CROSS, iterations=n, border_value=1)
    assert np.array_equal(signed_distance(mask) < -n, expected)


@given(masks)
def test_the_distance_has_no_zero_and_the_mask_for_a_sign(mask):
    distance = signed_distance(mask)
    assert np.array_equal(distance < 0, mask)
    assert (distance != 0).all()


def test_empty_and_full_regions_are_far_from_any_edge():
    assert (signed_distance(np.zeros((3, 4), bool)) == FAR).all()
    assert (signed_distance(np.ones((3, 4), bool)) == -FAR).all()


@given(masks)
def test_the_distance_to_a_shared_area_is_the_same_and_safe_from_changes(mask):
    for _ in range(2):  # computed, then kept
        kept = shared_distance(mask)
        assert np.array_equal(kept, signed_distance(mask))
        assert kept.dtype == signed_distance(mask).dtype
        with pytest.raises(ValueError, match="read-only"):
            kept[0, 0] = 0


def test_union():
    a, b = np.eye(3, dtype=bool), np.zeros((3, 3), bool)
    b[0, 2] = True
    assert union({"a": a, "b": b}, ["a", "b"]).sum() == 4
    with pytest.raises(AuditError, match=r"no region \['c'\]; known regions: a, b"):
        union({"a": a, "b": b}, ["a", "c"])


@pytest.mark.parametrize(
    ("masking", "id", "label"),
    [
        (Full(), "full", ""),
        (WithoutROI(), "without-roi", "without ROI"),
        (
            WithoutROI(shape="box", fill="mean"),
            "without-roi-box-mean",
            "without ROI box (mean fill)",
        ),
        (OnlyROI(dilation=25), "only-roi-d25", "only ROI (dilated 25 px)"),
        (
            OnlyROI("disc", dilation=-5, fill="blur"),
            "only-disc-e5-blur",
            "only disc (eroded 5 px, blur fill)",
        ),
        (WithoutROI(["heart", "lungs"]), "without-heart+lungs", "without heart + lungs"),
    ],
)
def test_ids_are_stable(masking, id, label):
    assert masking.id == id
    assert masking.label == label
    assert Masking.parse(id) == masking


@given(maskings)
def test_ids_round_trip_in_ascii(masking):
    assert masking.id.isascii()
    assert Masking.parse(masking.id) == masking


@given(maskings, maskings)
def test_ids_and_digests_tell_maskings_apart(a, b):
    assert (a == b) == (a.id == b.id) == (a.digest == b.digest)


@pytest.mark.parametrize("id", ["", "with-roi", "only", "only-ROI", "full-roi", "without-"])
def test_what_is_no_masking_is_said(id):
    with pytest.raises(AuditError, match="is not a masking"):
        Masking.parse(id)


@pytest.mark.parametrize(
    "wrong",
    [{"keep": "some"}, {"keep": "all", "shape": "circle"}, {"keep": "inside", "fill": "red"}]
    + [
        {"keep": "inside", "region": (name,)}
        for name in ("Lung", "", "roi", "roi-left", "my-box", "x-d5")
    ],
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be one of|region"):
        Masking(**wrong)
