"""What decided stands beside every estimate that did not pass, and what holds a fail back."""

from __future__ import annotations

import re
from html import unescape

import pytest
from gate.made import judged
from report.example import finding
from report.example import judged as compared
from report.real import real

from audit_suite.report import render_html, render_markdown
from audit_suite.report.bounds import bound, decided_by
from audit_suite.report.first import first_screen
from audit_suite.report.severity import deciding
from audit_suite.report.words import number
from audit_suite.sections.associations import view
from audit_suite.verdict import Verdict


def row_of(page, check):
    """The row of a check in the list of what did not pass, as text."""
    problems = page.partition('id="problems"')[2].partition("</section>")[0]
    rows = re.findall(r"<tr>.+?</tr>", problems, re.DOTALL)
    (row,) = (row for row in rows if f">{check}</a>" in row)
    return " ".join(unescape(re.sub("<[^>]+>", " ", row)).split())


@pytest.mark.parametrize("name", ["shortcut", "undecided"])
def test_the_end_that_decided_stands_with_every_estimate_that_did_not_pass(name):
    record = real(name)
    page, summary = render_html(record), unescape(render_markdown(record))
    listed = 0
    for f in record.findings:
        decided = deciding(f)
        if f.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) and decided is not None:
            assert decided_by(f).startswith(bound(decided))
            assert decided_by(f) in summary
            if f">{f.check}</a>" in page.partition('id="problems"')[2] and not f.case:
                row = row_of(page, f.check)
                assert decided_by(f) in row
                listed += decided.bound is not None
    assert listed > 3


def test_where_the_interval_lies_beyond_the_margin_it_is_said_why_it_is_no_fail():
    found = {f.id.split("/")[0] + f.case: f for f in real("shortcut").findings}
    assert decided_by(found["R6-box"]) == (
        "lower 99.99 % bound 0.2199; the fills disagree: 1 of 2 upsets the model, so hiding by it "
        "cannot be trusted"
    )
    assert "beyond the margin (p = .001), but a fail must hold at 9.4e-05" in decided_by(
        found["P2border"]
    )
    assert decided_by(found["I2deep-rank"]) == "lower 95 % bound −0.0200", "the interval says it"
    few = next(f for f in real("undecided").findings if f.check == "R13")
    assert decided_by(few).startswith("too little data: 17 patients of the rarer class")


def test_one_that_fails_alone_where_two_must():
    kept, _ = judged((0.75, 0.25, 0.25), patients=300)
    assert [c.alone.value for c in kept.comparisons] == ["fail", "inconclusive", "inconclusive"]
    kept.estimate = kept.comparisons[0].estimate
    assert decided_by(kept).endswith("; 1 of 3 fails alone; a fail takes 2")


def test_a_reason_of_the_checks_own_stands_beside_what_passed():
    own = finding("R2", "inconclusive", [compared("AUROC", 0.5, 0.01, "<", 0.6)], reason="ties")
    assert decided_by(own) == f"{bound(own.comparisons[0])}; ties"
    assert decided_by(finding("R2", "inconclusive", [], reason="ties")) == ""


def test_the_first_screen_says_which_end_decided():
    (_, worst, _) = first_screen(real("shortcut")).why
    assert "is 0.94 [0.92, 0.96] on 3,200 patients (lower 99.69 % bound 0.9170); between" in worst


def test_the_table_of_cues_says_which_end_decided():
    share = compared("share", 0.1, 0.05, "<", 0.25)
    share.estimate.at = {"cue": "noise"}
    told = finding("M7", "pass", [share], section="associations", case="noise")
    ((row,),) = (table.rows for table in view(real("honest"), [told]))
    assert (row.verdict, row.by) == ("pass", f"upper 95 % bound {number(share.bound, 4)}")
    record = real("honest")
    record.findings = [told]
    section = render_html(record).partition('id="associations"')[2].partition("</section>")[0]
    assert f'<td>pass <span class="title">{row.by}</span></td>' in section
