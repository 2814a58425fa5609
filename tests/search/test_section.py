"""The report of a search: a case before and after, where it lies, and how to repeat it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from report.counterexamples import DONORS, PAINTED
from report.test_sections import everything, placed

from audit_suite.record import CounterexampleRecord, Record
from audit_suite.report import render_html


def section(*findings):
    record = everything()
    record.findings += findings
    page = unescape(render_html(record)).partition('<section id="counterexamples"')[2]
    return re.sub(r"\s+", " ", page.partition("</section>")[0])


def test_a_case_before_and_after_with_place_effect_and_the_line_that_repeats_it():
    found = placed("X3", "counterexamples", case="a", counterexample=CounterexampleRecord(**DONORS))
    shown = section(found)
    assert shown.count("<image ") == 3
    assert shown.count('<rect class="box" x="3" y="1" width="6" height="7"/>') == 3
    assert 'viewBox="0 0 64 48"' in shown
    for words in (
        "Row 1231, as it is: score 1.50", "who has the finding: 2.50", "who has not: −0.50",
        "75 % of these patients", "columns 3 to 9, rows 1 to 8 of the model’s input (64 × 48 pixels)",
        "columns 30 to 90, rows 10 to 80 of the file of row 1231", "200 tries, 23 of which left",
        "44 more to make it smaller, with at least 0.274: 0.298 is left",
        "on 200 patients with content of 400 others", "counterexample(only(...))",
    ):  # fmt: skip
        assert words in shown, words


@pytest.mark.parametrize(
    ("changed", "there", "absent"),
    [
        (PAINTED, "Painted: score −0.50", "Decisions changed"),
        (DONORS | {"pictures": []}, "Text is burned into these images, so none is shown", "<image"),
        (DONORS | {"shrinking": 0}, "All that lies outside the region is changed", "to make it smaller,"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_shown(changed, there, absent):
    found = placed(
        "X3", "counterexamples", case="a", counterexample=CounterexampleRecord(**changed)
    )
    shown = section(found)
    assert there in shown
    assert absent not in shown


def test_a_search_without_a_find_says_what_was_tried():
    why = (
        "reported only: no counterexample is confirmed; 200 tries of outside_roi(swapped(areas()))"
    )
    shown = section(placed("X3", "counterexamples", case="a", reason=why))
    assert why in shown
    assert "A search that finds nothing is not an all-clear" in shown


def test_the_record_holds_it_or_null():
    found = placed("X3", "counterexamples", counterexample=CounterexampleRecord(**DONORS))
    record = everything()
    record.findings = [found, placed("X3", "counterexamples", case="b")]
    again = Record.model_validate_json(record.to_json())
    assert [f.counterexample and f.counterexample.box for f in again.findings] == [
        (3, 1, 9, 8),
        None,
    ]
