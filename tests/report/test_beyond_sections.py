"""The sections on groups and on changes: what was judged stands in the tables, small groups too."""

from __future__ import annotations

import re

from needs.evidence import cell, findings
from needs.scores.test_changes import POINT
from needs.scores.test_changes import world as changed_world
from needs.scores.test_subgroups import TAGS, world
from report.example import example

from audit_suite.report import render_html


def page(*found):
    made = example()
    return render_html(made.model_copy(update={"findings": [*made.findings, *found]}))


def judged(check, here, source):
    return [finding for _, finding, _ in findings(check, here, source)]


def row(html, name):
    return re.search(rf'<tr><th scope="row">{re.escape(name)}</th>.*?</tr>', html, re.DOTALL)[0]


def test_a_group_that_is_worse_and_one_that_is_too_small_are_told_apart(tmp_path):
    here = cell(tmp_path, top=TAGS)
    source = world(1600, shifts={"east": 0.7})
    north = {"site": "north"}
    source.cases = tuple(
        type(one)(one.id, one.patient, one.labels, {**one.metadata, **north}, one.row)
        if number < 20
        else one
        for number, one in enumerate(source.cases)
    )
    html = page(*judged("F1", here, source), *judged("F2", here, source))
    assert "fail" in row(html, "site: east")
    assert "fail" not in row(html, "site: west")
    assert "not judged: " in row(html, "site: north")
    assert "30 of each are needed" in row(html, "site: north")


def test_pairs_are_listed_by_their_gaps(tmp_path):
    html = page(*judged("F1-pairs", cell(tmp_path, top=TAGS), world(2400, shifts={"east": 0.7})))
    pairs = re.findall(r'<th scope="row">(site: \w+, sex: \w)</th>', html)
    assert [name[:10] for name in pairs[:2]] == ["site: east"] * 2


def test_changes_and_curves_stand_in_one_section(tmp_path):
    here = cell(tmp_path, model=POINT)
    source = changed_world({"marker-added": lambda s, y: s + 1.0}, {"noise": 0.5})
    ids = "X1", "X1-flips", "X2"
    html = page(*(one for id in ids for one in judged(id, here, source)))
    assert row(html, "marker added").count("fail") == 2
    assert "fail" not in row(html, "jpeg")
    assert html.count("AUROC under noise;") == 1
    assert len(re.findall(r'<td class="n">', row(html, "dead lines"))) == 6
