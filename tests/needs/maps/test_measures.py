"""Measures on maps, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from audit_suite.needs.maps.measures import (
    area_share,
    completeness_gap,
    outside_share,
    pointing_game,
    rank_correlation,
    relevance_mass,
    relevance_rank,
)

MAP = np.array([[[4.0, -2.0, 0.0], [1.0, 0.0, -3.0]]])
REGION = np.array([[[True, False, False], [True, True, False]]])


def test_each_measure_by_hand():
    assert relevance_mass(MAP, REGION) == pytest.approx([0.5])
    assert relevance_rank(MAP, REGION) == pytest.approx([1 / 3]), "4 of 4, -3, -2"
    assert pointing_game(MAP, REGION) == pytest.approx([1.0])
    assert pointing_game(-MAP, ~REGION) == pytest.approx([0.0])
    assert area_share(REGION) == pytest.approx([0.5])


def test_maps_and_regions_without_content():
    nothing, nowhere = np.zeros_like(MAP), np.zeros_like(REGION)
    assert np.isnan(relevance_mass(nothing, REGION)).all()
    assert np.isnan(relevance_rank(MAP, nowhere)).all()
    assert relevance_mass(MAP, nowhere) == pytest.approx([0.0])
    assert np.isnan(rank_correlation(nothing, MAP)).all()
    assert np.isnan(rank_correlation(MAP, np.full_like(MAP, np.nan))).all()


@given(st.integers(0, 10_000))
def test_shares_add_up_and_do_not_depend_on_scale_or_sign(seed):
    rng = np.random.default_rng(seed)
    maps, regions = rng.normal(size=(3, 6, 5)), rng.random((3, 6, 5)) < 0.4
    mass = relevance_mass(maps, regions)
    assert mass + relevance_mass(maps, ~regions) == pytest.approx(np.ones(3))
    assert relevance_mass(-7 * maps, regions) == pytest.approx(mass)
    rank = relevance_rank(maps, regions)
    assert np.array_equal(relevance_rank(-7 * maps, regions), rank, equal_nan=True)
    assert ((rank >= 0) & (rank <= 1) | np.isnan(rank)).all()


def test_a_map_that_knows_nothing_scores_the_area_in_every_measure():
    rng = np.random.default_rng(0)
    maps, regions = rng.normal(size=(4000, 8, 8)), np.zeros((4000, 8, 8), bool)
    regions[:, :2] = True
    for measure in (relevance_mass, relevance_rank, pointing_game):
        assert measure(maps, regions).mean() == pytest.approx(area_share(regions).mean(), abs=0.02)


def test_similarity_is_spearmans():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 4, 5, 5)).round(1)
    wanted = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    assert rank_correlation(a, b) == pytest.approx(wanted)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(np.ones(4))
    assert rank_correlation(a, -a) == pytest.approx(-np.ones(4))


def test_completeness_by_hand():
    gap, wanted = completeness_gap(MAP, np.array([3.0]), np.array([1.0]))
    assert gap == pytest.approx([2.0]), "0 instead of 2"
    assert wanted == pytest.approx([2.0])


def test_share_outside_by_hand():
    values = np.array([[3.0, -1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, -2.0]])
    inside = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 1.0]])
    share = outside_share(values, inside)
    assert share[[0, 2]] == pytest.approx([0.25, 1.5 / 4])
    assert np.isnan(share[1])
