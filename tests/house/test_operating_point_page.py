"""The page on the operating point: its card loads, and its figures are those of the code."""

from __future__ import annotations

import re

import pytest
from house.pages import DOCS, blocks

from audit_suite import Margin
from audit_suite.cards import load_model_card
from audit_suite.checks import ATTRIBUTE
from audit_suite.needs.scores.ties import HEAVY
from audit_suite.suites import test_operating_point

PAGE = DOCS / "howto" / "operating-point.md"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def test_the_card_loads_with_its_operating_point(tmp_path):
    (text,) = blocks(PAGE, "toml")
    (tmp_path / "model.toml").write_text(text)
    card = load_model_card(tmp_path / "model.toml")
    (point,) = card.operating_points.values()
    assert (point.probability, point.score) == (0.3, None)
    assert point.source.startswith("instructions for use")


def test_margin_and_limit_are_those_of_the_code():
    text = " ".join(PAGE.read_text().split())
    check = test_operating_point.test_nothing_is_decided_without_the_box
    margin = getattr(check, ATTRIBUTE).needs["margin"]
    assert isinstance(margin, Margin)
    assert f"must lie within {margin:.2f}".replace("0.", ".") in text
    assert f"Above {HEAVY:.0%}".replace("%", " %") in text


def test_every_message_of_the_table_is_a_message_of_the_code():
    rows = re.findall(r"^\| `([^`|]+)` \|", PAGE.read_text().split("## What can go")[1], re.M)
    source = "".join(
        " ".join(re.sub(r'"\n\s+f?"', "", path.read_text()).split())
        for path in (DOCS.parent / "audit_suite").rglob("*.py")
    )
    assert len(rows) == 5
    assert [row for row in rows if row not in source] == []
