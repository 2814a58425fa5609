"""How much is explained for a share of the forward passes: the same on every machine."""

from __future__ import annotations

import re

import pytest
from cards import model_card, phantom_card
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.attributions.request import (
    GRID_SHAPLEY,
    REGION_SHAPLEY,
    AttributionRequest,
)
from audit_suite.evidence.budget import FEWER, LEAST, MOST, Budget, Effort
from audit_suite.registry import EXPLAINERS

METHODS = (REGION_SHAPLEY, GRID_SHAPLEY, "gradient", "deep", "grad-cam")


@pytest.mark.parametrize(
    ("images", "targets", "share", "expected"),
    [
        (400, 1, 1 / 3, Effort(LEAST, FEWER)),  # a first look
        (3200, 1, 1 / 3, Effort(48)),
        (3200, 2, 1 / 3, Effort(48, FEWER)),
        (10_000, 1, 1 / 3, Effort(192)),
        (10_000, 4, 1 / 3, Effort(48)),
        (200_000, 1, 1 / 3, Effort(MOST)),
        (3200, 1, 0.05, Effort(48, FEWER)),
        (3200, 1, 0.5, Effort(96)),
    ],
)
def test_what_a_share_allows(images, targets, share, expected):
    assert Budget(share).effort(images, targets) == expected


@given(st.integers(1, 10**6), st.integers(1, 20), st.floats(0.01, 0.9), st.floats(0.01, 0.9))
def test_a_larger_share_never_explains_less(images, targets, one, other):
    less, more = (Budget(share).effort(images, targets) for share in sorted((one, other)))
    assert LEAST <= less.images <= more.images <= MOST
    assert (less.draws or 999) <= (more.draws or 999)
    if more.draws is None:
        granted = Budget(max(one, other)).passes(images, targets)
        assert more.images * 1148 <= granted, "within the budget, unless it is the least"


def test_a_number_of_images_overrides_the_share():
    assert Budget(images=10).effort(10**6, 1) == Effort(10)


@pytest.mark.parametrize("share", [0, 0.95, 120, float("nan")])
def test_a_share_that_is_none(share):
    with pytest.raises(AuditError, match=r"explain_budget=.*: must be between 0\.01 and 0\.9"):
        Budget(share)


class Source(EvidenceSource):
    """A model that is nothing but a digest."""

    def model_digest(self, card, fold):
        return "model"


@pytest.fixture
def source(tmp_path):
    def make(**budget):
        profile = EvidenceProfile(device="cpu", threads=1)
        return Source(EvidenceStore(tmp_path), profile, explaining=Budget(**budget))

    return make


@pytest.fixture
def requests(tmp_path):
    card = phantom_card(tmp_path, patients=60)
    cell = Cell(model_card(tmp_path, targets=("consolidation",)), (None,), card, "consolidation")
    return [request for method in METHODS for request in cell.explanations(method)]


def test_the_costs_are_those_of_the_shipped_methods(source, requests):
    """The budget divides by what explaining an image takes: it must not drift from the methods."""
    from audit_suite.evidence import budget

    here = source(images=60)
    assert sum(request.passes(here) for request in requests) == 60 * budget._each(200)


def test_fewer_draws_are_another_key(source, requests):
    by_method = {request.method: request for request in requests}
    gradient = by_method["gradient"]
    assert gradient.effort(source()) == Effort(48, 96)
    assert gradient.explainer(Effort(48, 96)).samples == 96
    assert gradient.explainer(Effort(48)) == EXPLAINERS.find("gradient")
    assert by_method["deep"].explainer(Effort(48, 96)) == EXPLAINERS.find("deep")
    keys = [request.keys(source(images=48)) for request in requests]
    budgeted = [request.keys(source()) for request in requests]
    assert [one != other for one, other in zip(keys, budgeted, strict=True)] == [
        request.method == "gradient" for request in requests
    ]


def test_the_plan_says_what_explanations_take(source, requests):
    lines = AttributionRequest.describe(requests, source())
    assert lines[0] == "region-shapley of consolidation on up to 48 images"
    total = re.fullmatch(
        r"explanations take about ([0-9,]+) forward passes: a share of 33% of all, but at least 48 "
        r"images",
        lines[-1],
    )
    assert int(total[1].replace(",", "")) == sum(r.passes(source()) for r in requests)
    assert AttributionRequest.describe(requests, source(images=5))[-1].endswith(
        "forward passes (--audit-max-explained)"
    )
