"""The page for reviewers quotes the first screens of real reports, and its answers are there."""

from __future__ import annotations

import re
from html import unescape

import pytest
from house.pages import DOCS
from report.real import NAMES, real

from audit_suite.audit.verify import contradictions
from audit_suite.report import render_html, render_markdown

PAGE = DOCS / "howto" / "three-minutes.md"
COLUMNS = ("honest", "shortcut", "undecided", "partial")
QUESTIONS = ("May it be released?", "Why?", "How sure?", "What was not tested?", "What next?")

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def quotes():
    """By question, the quotations of each column."""
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {
        question: [re.findall("“(.+?)”", cell) for cell in cells.split(" | ")]
        for question, cells in rows
    }


def first_screen_of(name):
    """What stands before the contents, as text."""
    page = render_html(real(name)).partition("<body>")[2].partition("<nav")[0]
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())


def plain(text):
    return re.sub(r"\s+", "", text)


def test_each_question_is_answered_for_each_report():
    found = quotes()
    assert tuple(found) == QUESTIONS
    assert all(len(cells) == len(COLUMNS) and all(cells) for cells in found.values())
    assert set(COLUMNS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_answers_stand_on_the_first_screen_word_for_word(name):
    shown = plain(first_screen_of(name))
    for question, cells in quotes().items():
        for quote in cells[COLUMNS.index(name)]:
            assert plain(quote) in shown, (question, quote)
    assert plain("No check of this audit can see") in shown


@pytest.mark.parametrize("name", NAMES)
def test_and_in_the_summary_for_ci(name):
    text = plain(render_markdown(real(name)).replace("\\[", "["))
    for question, cells in quotes().items():
        for quote in cells[COLUMNS.index(name)]:
            assert plain(quote) in text, (question, quote)


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_record_is_sound(name):
    assert list(contradictions(real(name))) == []


def test_the_decisions_are_those_of_the_columns():
    decided = [real(name).decision for name in COLUMNS]
    assert decided == ["open", "closed", "undecided", "partial"]


def test_an_answer_that_is_not_there_is_noticed():
    assert plain("the model helps every patient") not in plain(first_screen_of("honest"))
