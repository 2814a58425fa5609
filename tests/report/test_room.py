"""Records of many places: pictures of the first, and a line of JSON for each finding."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from cards import dataset_card, model_card
from report.example import example

from audit_suite.evidence import Cell
from audit_suite.maskings import Full
from audit_suite.report import render_html
from audit_suite.report.charts import MANY
from audit_suite.report.page import page_of
from audit_suite.report.room import ROOM, Room
from audit_suite.report.section import Gathered
from audit_suite.sections import gallery


def picture(cell, size):
    place = {"model": cell.model_name, "dataset": cell.dataset.name, "target": cell.target}
    png = "A" * size
    return {**place, "case": "positive 1", "masking": "full", "png": png, "hidden_fraction": 0.0}


@pytest.fixture
def cells(tmp_path):
    """One model and data set, six targets."""
    names = [f"finding-{number}" for number in range(6)]
    model = model_card(tmp_path, targets=tuple(names))
    data = dataset_card(tmp_path)
    targets = dict.fromkeys(names, data.targets["sick"])
    data = data.model_copy(update={"targets": targets})
    return [Cell(model, (None,), data, name) for name in names]


@pytest.mark.parametrize(("size", "drawn"), [(10, 6), (ROOM // 2, 2), (3 * ROOM, 1)])
def test_places_are_drawn_while_there_is_room(cells, size, drawn):
    requests = [request for cell in cells for request in cell.requests(Full())]
    source = SimpleNamespace(call=lambda _, cell, maskings: [picture(cell, size)])
    images = gallery.collect(Gathered(cells, [], requests, source))
    assert [image.target for image in images] == [cell.target for cell in cells][:drawn]


def test_the_page_says_what_was_not_drawn(cells):
    record = example()
    asked = {(finding.dataset, finding.target) for finding in record.findings}
    record.gallery = [record.gallery[0].model_validate(picture(cells[0], ROOM))]
    view = gallery.view(record, [])
    assert (len(view.galleries), view.n_left_out) == (1, len(asked))
    said = "Left out to keep this page small: 1 further pair of data set and target"
    assert len(asked) == 1
    assert said in render_html(record)
    record.gallery = [record.gallery[0].model_copy(update={"png": "AAAA"})]
    assert gallery.view(record, []).n_left_out == 0, "there was room: nothing else was planned"
    assert "Left out to keep" not in render_html(record)


def test_room_is_left_until_it_is_used_up():
    room = Room(5)
    room.take(["AA", "BB"])
    assert room.is_left
    room.take(["C"])
    assert not room.is_left


def test_a_record_is_json_with_a_line_for_each_finding():
    record = example()
    text = record.to_json()
    assert json.loads(text) == record.model_dump(mode="json")
    lines = text.splitlines()
    for finding in record.findings:
        (line,) = [line for line in lines if f'"id": "{finding.id}"' in line]
        assert json.loads(line.strip().removesuffix(","))["verdict"] == finding.verdict


def test_many_that_did_not_pass_are_all_named_and_the_first_shown_in_full():
    record = example()
    failed = next(one for one in record.findings if one.verdict == "fail")
    more = [failed.model_copy(update={"id": f"R2/{n}", "model": f"net-{n}"}) for n in range(MANY)]
    record.findings = [*record.findings, *more]
    page = page_of(record, (), None)
    named = [finding.id for finding in (*page.unpassed, *page.more_unpassed)]
    settled = "pass", "waived", "not_applicable"
    unpassed = [f.id for f in record.findings if f.verdict.value not in settled]
    assert len(page.unpassed) == MANY
    assert sorted(named) == sorted(unpassed)
    html = render_html(record)
    assert f"{len(page.more_unpassed)} more did not pass" in html
    assert all(f"net-{number} on" in html for number in range(MANY))
