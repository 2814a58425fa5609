"""Patterns planted inside and outside the region, and the model that reads nothing else (C9)."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table

from audit_suite import Verdict, planted

HIDDEN = "without-lungs"


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def read(cell, plain, marked, cases, where="outside"):
    """Evidence of the pattern's reader: what it says without and with the pattern."""

    def tables(request):
        assert request.model.name == "pattern-reader"
        assert request.model.input == cell.model.input
        return table(marked if request.masking.first == f"plant-{where}" else plain)

    return Stored(cases, tables)


def test_every_image_counts_with_the_pattern_and_without(here):
    rng = np.random.default_rng(4)
    plain, cases = rng.random(80), [case(i, i % 2, f"p{i // 2}") for i in range(80)]
    stored = read(here, plain, plain + 2, cases)
    found = planted("outside").estimate(here, stored)
    assert found.value == 1.0, "where it shows it is found"
    assert found.n_positives == found.n_patients == 40
    assert found.n_images == 160
    assert found.label == "AUROC without ROI for a pattern planted outside it"


def test_a_pattern_that_makes_no_difference_is_told_by_chance_alone(here):
    rng = np.random.default_rng(5)
    plain, cases = rng.random(200), [case(i, i % 2) for i in range(200)]
    found = planted("inside").estimate(here, read(here, plain, plain, cases, "inside"))
    assert found.interval(0.99)[0] < 0.5 < found.interval(0.99)[1]
    assert found.distance_to(0.5).compare("<", 0.05).verdict is Verdict.PASS


def test_what_is_planted_depends_on_neither_order_nor_label(here):
    rng = np.random.default_rng(6)
    plain, marked = rng.random((2, 60))
    cases = [case(i, i % 2) for i in range(60)]
    found = planted("outside").estimate(here, read(here, plain, marked, cases))
    order = rng.permutation(60)
    turned = [case(i, 1 - cases[i].labels["sick"]) for i in order]
    again = planted("outside").estimate(here, read(here, plain[order], marked[order], turned))
    assert again.value == pytest.approx(found.value)


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_the_reader_sees_images_without_the_region_as_the_model_would(here, where):
    first, second = planted(where).requests(here)
    assert first.masking.id == f"{HIDDEN}-plant-{where}"
    assert second.masking.id == HIDDEN
    assert {first.fold, second.fold} == {None}
    assert planted(where).id == f"planted-{where}"
