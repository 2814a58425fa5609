"""Contrasts: one need minus another."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, auc, binormal, case, cell, table

from audit_suite import WithoutROI, auroc, contrast
from audit_suite.needs import Need

HIDDEN = "without-lungs"


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def test_a_contrast_is_the_paired_difference_of_two_needs(here):
    labels, scores = binormal(0.8, 60)
    other = scores + np.random.default_rng(0).normal(size=len(scores)) * 0.3
    cases = [case(i, label) for i, label in enumerate(labels)]
    stored = Stored(cases, {HIDDEN: table(scores), f"{HIDDEN}-mean": table(other)})
    first, second = auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))
    found = contrast(first, second).estimate(here, stored)
    assert found.value == pytest.approx(auc(labels, scores) - auc(labels, other), abs=1e-6)
    apart = (first.estimate(here, stored).se ** 2 + second.estimate(here, stored).se ** 2) ** 0.5
    assert found.se < 0.7 * apart, "paired by patient"
    same = contrast(first, first).estimate(here, stored)
    assert (same.value, same.se) == (0, 0)


def test_a_contrast_asks_for_what_both_ask(here):
    one = contrast(auroc(), auroc(WithoutROI(fill="blur")))
    assert isinstance(one, Need)
    assert one.id == "full-vs-without-roi-blur"
    assert [r.masking.id for r in one.requests(here)] == ["full", f"{HIDDEN}-blur"]
