"""The how-to page about speed: its figures are those of the program, its messages are raised."""

from __future__ import annotations

import re

import pytest
from house.pages import DOCS

from audit_suite.audit.settings import PRECISIONS, RANGES
from audit_suite.evidence import EvidenceProfile, budget, precision
from audit_suite.evidence.scores.batches import parts

PAGE = DOCS / "howto" / "speed.md"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


@pytest.fixture(scope="module")
def page():
    return " ".join(PAGE.read_text(encoding="utf-8").split())


def test_the_page_has_the_programs_figures(page):
    assert f"scores {precision.CHECKED} images" in page
    limits = (precision.MOST_AUROC, precision.LEAST_RANK)
    assert [f"{limit:g}".lstrip("0") in page for limit in limits] == [True, True]
    assert precision.MOST_LOGIT == 0.25
    assert "a quarter of the scores' standard deviation" in page
    explained = [budget.LEAST * 2**n for n in range(4)]
    assert explained[-1] == budget.MOST
    assert "({}, {}, {} or {} of a target)".format(*explained) in page
    assert f"({budget.FEWER} instead of {budget._DRAWS})" in page
    assert budget._SCORED == 50
    assert "at fifty per image" in page
    sizes = [EvidenceProfile(device=d, threads=1).batch_for((224, 224)) for d in ("cpu", "cuda")]
    assert f"({sizes[0]} images of 224 pixels)" in page
    assert f"up to {sizes[1]} images" in page
    assert parts(44, 128) == [32, 8, 8]
    assert "(32, 8 and 8 of 44)" in page


def test_every_precision_has_a_row(page):
    assert set(re.findall(r"\| `(\w+)` \|", page)) == set(PRECISIONS)


def test_a_budget_in_seconds_is_refused_with_the_reason(page):
    least, most, words = RANGES["explain_budget"]
    assert not least <= 120 <= most
    assert "must be a share" in page
    assert words.startswith("a share of the audit's forward passes")
    assert words.endswith("seconds would make the record depend on the machine")
