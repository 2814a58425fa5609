"""The pages on releases and looks: policies load, words and figures are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house.pages import DOCS, blocks

from audit_suite.audit.baseline_checks import REST, SKILL
from audit_suite.audit.policy import load_policy
from audit_suite.releases.compare import MARGIN
from audit_suite.releases.looks import SHARED
from audit_suite.releases.patients import KEPT, SECRET
from audit_suite.report.changes import KINDS

RELEASES, LOOKS = DOCS / "howto" / "releases.md", DOCS / "howto" / "looks.md"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def policy(page: Path, folder: Path):
    (text,) = blocks(page, "toml")
    (folder / "policy.toml").write_text(text)
    return load_policy(folder / "policy.toml")


def test_the_policies_say_what_the_pages_say_of_them(tmp_path):
    releases, looks = policy(RELEASES, tmp_path), policy(LOOKS, tmp_path)
    assert releases.baseline_margin == 0.02
    assert releases.role(SKILL, "any") == "required"
    assert (looks.looks, looks.spent_opens) == (5, False)
    default = load_policy()
    assert (default.role(SKILL, "any"), default.role(REST, "any")) == ("guard", "guard")
    assert (default.looks, default.spent_opens, default.frozen) == (1, True, False)


def test_the_kinds_of_changes_are_those_of_the_code():
    rows = re.findall(r"^\| ([a-z ]+) \| ([^|]+) \|", RELEASES.read_text(), re.MULTILINE)[1:]
    assert dict(rows[: len(KINDS)]) == dict(KINDS.values())


def test_the_figures_are_those_of_the_code():
    assert f"The margin is {MARGIN:.2f}".replace("0.", ".") in RELEASES.read_text()
    text = LOOKS.read_text()
    assert f"at least {SHARED:.0%}".replace("%", " %") in text
    assert f"the {KEPT} smallest hashes" in text
    assert f"`{SECRET}`" in text


@pytest.mark.parametrize("page", [RELEASES, LOOKS], ids=lambda page: page.stem)
def test_every_message_of_the_table_is_a_message_of_the_code(page):
    rows = re.findall(r"^\| `([^`|]+)` \|", page.read_text().split("## What can go")[1], re.M)
    source = "".join(
        " ".join(re.sub(r'"\n\s+f?"', "", path.read_text()).split())
        for path in (DOCS.parent / "audit_suite").rglob("*.py")
    )
    assert len(rows) >= 5
    assert [row for row in rows if row not in source] == []
