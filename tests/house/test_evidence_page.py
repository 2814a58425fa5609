"""The page on a verdict's evidence: its commands run, its order and its questions are the report's."""

from __future__ import annotations

import re
import shlex

import pytest
from house.pages import DOCS, ROOT, blocks
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.risks import OTHER, RISKS

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)

PAGE = DOCS / "howto" / "from-verdict-to-evidence.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What the page's first command writes."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    command = shlex.split(*blocks(PAGE, "bash"))
    assert command[:2] == ["audit-suite", "render"]
    assert command[-2:] == ["--out", "report.html"]
    done = CliRunner().invoke(app, ["render", str(ROOT / command[2]), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out.read_text(encoding="utf-8")


def table(heading):
    """First and second cells of the table under a heading."""
    part = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", part, re.MULTILINE)
    assert rows
    return rows[1:]


def test_the_parts_stand_in_the_order_that_the_page_tells(report):
    parts = [part for part, _ in table("The order of the page")]
    headings = re.findall(r"<h2 id=\"h-[a-z-]+\">([^<]+)</h2>", report)
    told = [part for part in parts if part in headings]
    assert set(parts) - set(told) == {"First screen", "Sections", "What else could explain it"}
    assert [heading for heading in headings if heading in parts] == told
    assert 'id="h-causes">What else could explain it<' in (
        ROOT / "audit_suite/report/templates/page/causes.html.j2"
    ).read_text(encoding="utf-8")


def test_the_questions_are_the_risks():
    told = {name.strip("`"): question for name, question in table("The questions")}
    wanted = {name: risk.question for name, risk in RISKS.items() if name != OTHER}
    assert told.pop(OTHER)
    assert told == wanted


def test_the_link_leads_to_a_finding(report):
    link, _ = blocks(PAGE, "text")
    assert f'id="{link.strip().partition("#")[2]}"' in report


def test_the_paper_is_printed_as_it_is_tested():
    printing = (ROOT / "tests" / "report" / "test_print.py").read_text(encoding="utf-8")
    _, paper = blocks(PAGE, "text")
    assert paper.split()[-1] == "report.html"
    for option in re.findall(r"--[a-z-]+", paper):
        assert option in printing + (ROOT / "tests/report/test_browser.py").read_text("utf-8")
