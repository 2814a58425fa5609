"""Whatever stands in a record, there is a whole page: nothing runs, nothing is hidden."""

from __future__ import annotations

import re
from html import unescape

import pytest
from report.example import example
from report.hostile import EVIL, LONG, with_text
from report.test_report import Page
from report.test_sections import everything

from audit_suite.report import render_html
from audit_suite.report.anchors import anchor, check_anchor
from audit_suite.verdict import Verdict


def follows(html):
    """The page, every link of which leads somewhere."""
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a")} <= {f"#{id}" for id in ids}
    return page


@pytest.mark.parametrize("made", [example, everything])
def test_markup_and_control_characters_in_every_text_stay_text(made):
    record = with_text(made(), EVIL)
    html = render_html(record)
    page = follows(html)
    assert "<script" not in html
    assert "{{ 7 * 7 }}" in page.words, "a template in a name is text"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", unescape(html))
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert '@bottom-left { content: "Record without a digest"; }' in html
    for found in record.findings:
        assert found.question.split()[0] in page.words


def test_long_names_are_shown_whole():
    record = with_text(example(), LONG)
    page = follows(render_html(record))
    for found in record.findings:
        assert found.title.lower() in page.words.lower()
        assert found.model in page.words


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_finding_has_one_place_whatever_its_verdict(verdict):
    record = everything()
    for number, found in enumerate(record.findings):
        found.verdict, found.id = verdict, f"{found.check}/{number}"
    page = follows(render_html(record))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {anchor(found) for found in record.findings} <= ids
    assert {check_anchor(found.check) for found in record.findings} <= ids


def test_an_anchor_is_of_the_finding_alone():
    (found, *_) = example().findings
    other = found.model_copy(update={"verdict": Verdict.FAIL, "reason": "another", "case": "x"})
    assert anchor(found) == anchor(other) == "f-R1-lung-net-site-b-effusion-2e06ca99"
    names = ["R2/a/b", "R2/a b", "R2", "", "\ud800", "n" * 300, "ä", "R2/a/B"]
    anchors = [anchor(found.model_copy(update={"id": name})) for name in names]
    assert len(set(anchors)) == len(names)
    codes = ["R2", "r2", "R2 ", "R2-box", "", EVIL, LONG]
    assert len({check_anchor(code) for code in codes}) == len(codes)
    assert all(re.fullmatch(r"[a-z]+-[A-Za-z0-9-]*", each) for each in anchors)


@pytest.mark.parametrize("decision", ["open", "closed", "undecided", "partial"])
def test_a_record_without_anything_is_a_page(decision):
    record = example().model_copy(
        update={"findings": [], "causes": [], "gallery": [], "targets": [], "decision": decision}
    )
    record.provenance.models = record.provenance.datasets = []
    page = follows(render_html(record))
    assert "no check that decides was judged" in page.words
    assert "No data set could be read." in page.words
