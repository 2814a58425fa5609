"""The pages for newcomers are true to the tree."""

from __future__ import annotations

import re

import pytest
from house.pages import PAGES, ROOT

import audit_suite
import audit_suite.extend

pytestmark = pytest.mark.skipif(
    not (ROOT / "ARCHITECTURE.md").exists(), reason="runs in a checkout, not beside a wheel"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_architecture_names_every_room_and_no_other():
    table = re.findall(r"^\| (`.+?) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    named = {
        name.removeprefix("audit_suite/") for row in table for name in re.findall("`(.+?)`", row)
    }
    package = ROOT / "audit_suite"
    there = {
        path.name + "/" * path.is_dir()
        for path in package.iterdir()
        if (path.is_dir() and (path / "__init__.py").exists()) or path.suffix == ".py"
    }
    assert named - {"plugins/pytest_audit/", "plugins/contrib/", "model_zoo/"} == there


def test_architecture_is_one_page():
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 80


def test_every_decision_has_a_context_a_decision_and_a_consequence():
    entries = (ROOT / "docs" / "decisions.md").read_text().split("\n### ")[1:]
    assert len(entries) > 20
    for entry in entries:
        assert re.findall(r"^\*(\w+)\.\*", entry, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequence",
        ], entry.splitlines()[0]


def test_the_page_on_extending_names_what_can_be_imported():
    text = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"`(register_\w+|[A-Z][a-z]\w+)[`(]", text)) - {"ValueError"}:
        assert hasattr(audit_suite.extend, name) or hasattr(audit_suite, name), name
    doors = {name for name in audit_suite.extend.__all__ if name.startswith("register_")}
    assert doors == set(re.findall(r"`(register_\w+)`", text))
