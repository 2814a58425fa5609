"""The numbers first: one table for each place, and no number of R0 twice on the page."""

from __future__ import annotations

import re
from html import unescape

import pytest
from report.example import estimate, example, finding

from audit_suite.report import render_html
from audit_suite.report.section import findings_of
from audit_suite.sections.skill import view

SHOWN = {
    "full": ("", 0.91, 0.63),
    "without-roi": ("without ROI", 0.52, 0.5),
    "only-roi-box-blur": ("only ROI box (blur fill)", 0.88, 0.6),
}


def placed(label, value, at):
    """An estimate with its place."""
    return estimate(label, value, 0.04).model_copy(update={"at": at})


def numbers(target="consolidation", shown=SHOWN, **more):
    """A finding of R0."""
    observations = []
    for masking, (words, area, folded) in shown.items():
        at = {"masking": masking, "visible": 1.0, "ties": 0.25 if words else 0.0}
        fold = {"masking": masking, "statistic": "folded"}
        observations += [
            placed(f"AUROC {words}".rstrip(), area, at),
            placed(f"folded AUROC {words}".rstrip(), folded, fold),
        ]
    content = {"target": target, "reason": "reported only: the numbers", "section": "skill"}
    content["observations"] = observations
    return finding("R0", more.pop("verdict", "not_applicable"), [], **content | more)


def record_with(*findings):
    made = example()
    return made.model_copy(update={"findings": [*made.findings, *findings]})


def test_each_row_has_its_auroc_its_ties_and_its_folded_auroc():
    record = record_with(numbers())
    (table,) = view(record, findings_of(record.findings, "skill"))
    assert [row.shown for row in table.rows] == [
        "the whole image",
        "without ROI",
        "only ROI box (blur fill)",
    ]
    assert [row.auroc.value for row in table.rows] == [0.91, 0.52, 0.88]
    assert [row.folded.value for row in table.rows] == [0.63, 0.5, 0.6]
    assert [row.ties for row in table.rows] == [0, 0.25, 0.25]
    assert table.whole.n_patients == table.rows[0].auroc.n_patients


def test_a_place_whose_numbers_cannot_be_had_says_why():
    none = numbers("effusion", shown={}, verdict="error", reason="the weights are missing")
    record = record_with(numbers(), none)
    tables = view(record, findings_of(record.findings, "skill"))
    assert [table.place[2] for table in tables] == ["consolidation", "effusion"]
    assert (tables[1].rows, tables[1].whole) == ((), None)
    assert "the weights are missing" in unescape(render_html(record))


def test_the_table_stands_first_and_its_numbers_once():
    html = render_html(record_with(numbers()))
    headings = re.findall(r"<h2[^>]*>([^<]+)", html)
    skill = headings.index("Skill on the whole image and its parts")
    assert skill < headings.index("Passed, reported, not applicable")
    row = re.search(r"<tr><th scope=\"row\">only ROI box \(blur fill\)</th>.*?</tr>", html, re.S)[0]
    assert "0.88" in row or ".88" in row
    assert "25 %" in row
    assert html.count("only ROI box (blur fill)") == 1


def test_a_record_without_the_numbers_has_no_such_section():
    assert "Skill on the whole image" not in render_html(example())


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>"])
def test_words_of_a_record_are_text(evil):
    html = render_html(record_with(numbers(evil, {"full": (evil, 0.9, 0.5)})))
    assert evil not in html
    assert "&lt;script&gt;" in html
