"""What is known of a mask from the masks alone."""

from __future__ import annotations

import numpy as np
import pytest

from audit_suite.segmentation.quality import qualities
from audit_suite.segmentation.run import Segmented


def lungs(grow=0, speck=False, third=False):
    mask = np.zeros((60, 60), bool)
    mask[10 : 50 + grow, 8:25] = True
    mask[10 : 50 + grow, 35:52] = True
    if third:
        mask[53:58, 2:14] = True
    if speck:
        mask[2, 2] = True
    return mask


def measured(*masks, margin=0.9):
    return qualities([Segmented(mask, margin) for mask in masks])


def test_two_lungs_in_all_are_as_usual():
    for quality in measured(*[lungs() for _ in range(5)]):
        assert (quality.parts, quality.flags) == (2, ())
        assert quality.area == pytest.approx(2 * 40 * 17 / 3600)
        assert quality.quality == pytest.approx(0.9)


def test_a_part_more_than_usual_is_flagged_and_costs_its_share():
    *_, odd = measured(*[lungs() for _ in range(5)], lungs(third=True))
    assert odd.flags == ("parts",)
    assert odd.quality == pytest.approx(0.9 * 1360 / 1420)


def test_a_speck_is_not_a_part():
    *_, speck = measured(*[lungs() for _ in range(5)], lungs(speck=True))
    assert (speck.parts, speck.flags) == (2, ())


def test_an_empty_mask_is_flagged_and_worth_nothing():
    *_, empty = measured(*[lungs() for _ in range(5)], np.zeros((60, 60), bool))
    assert (empty.flags, empty.quality) == (("empty",), 0.0)


def test_an_area_far_from_the_cohorts_is_flagged():
    small = np.zeros((60, 60), bool)
    small[10:14, 8:25] = small[10:14, 35:52] = True
    *usual, odd = measured(*[lungs(grow=i % 3) for i in range(12)], small)
    assert odd.flags == ("area",)
    assert not any(quality.flags for quality in usual)


def test_masks_that_are_all_empty():
    for quality in measured(*[np.zeros((9, 9), bool)] * 3):
        assert quality.flags == ("empty",)


def test_one_mask():
    (alone,) = measured(lungs())
    assert alone.flags == ()
