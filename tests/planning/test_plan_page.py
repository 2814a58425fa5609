"""The page on planning: its card loads, its output is what the command prints."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from house.pages import DOCS, blocks
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.planning.forecast import Forecast, Measured, Origin, Together
from audit_suite.planning.plan import Plan
from audit_suite.planning.words import MEANING

PAGE = DOCS / "howto" / "plan-the-data.md"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def test_the_example_prints_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (card,) = blocks(PAGE, "toml")
    (shown,) = blocks(PAGE, "text")
    (tmp_path / re.match(r"# (\S+)", card)[1]).write_text(card)
    printed = CliRunner().invoke(app, ["plan", "planned.toml"]).output
    assert printed.startswith(shown)
    assert all(line in printed for line in MEANING)


def test_the_page_names_columns_and_keys_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    (shown,) = blocks(PAGE, "text")
    words = shown.split()
    for column in re.findall(r"^\| `([a-z]\w*, \w+|closed at \d+%|\d+% takes)` \|", page, re.M):
        assert all(word in words for word in column.split()), column
    for model in (Plan, Forecast, Measured, Together):
        for key in model.model_fields:
            assert f"`{key}`" in page, key
    assert all(f"`{origin}`" in page for origin in get_args(Origin))
