"""Sections of the report: declared by checks, open to extensions, and one never breaks another."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.example import comparison, estimate, example, finding
from report.test_embeddings_report import with_embeddings
from report.test_heatmap_and_curves import curve, matrix
from report.test_heatmap_and_curves import estimate as cell_of
from report.test_hidden import LUNGS
from report.test_readers_report import record as with_readers
from report.test_report import Page

import audit_suite
import pytest_audit
from audit_suite import suites
from audit_suite.checks import ATTRIBUTE
from audit_suite.errors import AuditError
from audit_suite.planning.forecast import forecast
from audit_suite.record import (
    AttributionRecord,
    BaselineRecord,
    Change,
    FrameCell,
    FrameRecord,
    Overlay,
    PlayerRecord,
    Record,
    load_record,
)
from audit_suite.record.part import printable
from audit_suite.registry import SECTIONS, SHIPPED
from audit_suite.report import render_html, write_report
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.risks import OTHER, RISKS
from audit_suite.sections import check_section, collect_sections
from audit_suite.sections.matrix import collect as collect_matrices
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.verdict import NotApplicable, Verdict

EVIL = "<script>alert(1)</script>"
NOTHING = Gathered([], [], [], None)
PACKAGES = ("report", "sections", "pictures", "evidence", "needs", "audit")


@pytest.fixture
def register():
    """Register sections of this module, an extension."""

    def registered(name="devices", view=lambda record, findings: findings, **more):
        more.setdefault("template", "<p>{{ content[0].reason }}</p>")
        section = Section(name=name, title="Implanted devices", view=view, **more)
        register_section(section)
        return section

    return registered


def device(**more):
    content = {"title": "devices", "reason": "reported only: 12 % carry one", "section": "devices"}
    return finding("D1", "not_applicable", [], **content | more)


def record_with(*findings, **update):
    made = example()
    return made.model_copy(update={"findings": [*made.findings, *findings], **update})


def shipped_checks():
    for module in pkgutil.iter_modules(suites.__path__):
        functions = vars(importlib.import_module(f"{suites.__name__}.{module.name}")).values()
        for function in functions:
            if hasattr(function, ATTRIBUTE):
                yield getattr(function, ATTRIBUTE)


def sections_on(page):
    return [s["id"] for s in Page(page).all("section")]


# --- an extension's section ---


def test_an_extensions_section_stands_on_the_page_with_title_content_and_link(register):
    register()
    page = render_html(record_with(device()))
    assert "Implanted devices" in Page(page).words
    assert "reported only: 12 % carry one" in Page(page).words
    assert {"id": "devices", "aria-labelledby": "h-devices"} in Page(page).all("section")
    assert {"href": "#devices"} in Page(page).all("a")
    order = sections_on(page)
    assert order.index("problems") < order.index("devices") < order.index("coverage")


def test_it_has_the_reports_filters_and_charts_and_escapes_text(register):
    register(
        template='{% from "findings.html.j2" import named %}{% for finding in findings %}'
        "<p>{{ named(finding) }} {{ finding.observations[0]|interval }}</p>{% endfor %}"
    )
    page = render_html(record_with(device(title=EVIL, observations=[estimate("x", 0.5, 0.1)])))
    assert "<script" not in page
    assert f"{EVIL} ( D1 ) [0.400, 0.600]" in Page(page).words


@pytest.mark.parametrize("nothing", [None, (), [], {}, ""])
def test_it_is_left_out_where_it_has_nothing_to_show(register, nothing):
    before = render_html(example())
    register(view=lambda record, findings: nothing)
    assert render_html(example()) == before


def test_a_finding_stays_in_the_general_lists_unless_its_section_shows_all_of_it(register):
    register()
    record = record_with(device(observations=[estimate("share of carriers", 0.12, 0.02)]))
    lists = 'id="passed"'
    assert "share of carriers" in render_html(record).partition(lists)[2]
    register(shows=lambda finding, record: bool(finding.observations))
    assert "share of carriers" not in render_html(record).partition(lists)[2]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 1200), min_size=2, max_size=6))
def test_sections_stand_in_order_of_rank(ranks):
    names = [f"x{number}" for number in range(len(ranks))]
    try:
        for name, rank in zip(names, ranks, strict=True):
            register_section(
                Section(name, name, lambda record, findings: "here", "{{ content }}", rank=rank)
            )
        order = sections_on(render_html(example()))
    finally:
        for name in names:
            SECTIONS._entries.pop(name, None)
    by_rank = sorted(names, key=lambda name: (ranks[names.index(name)], name))
    assert [name for name in order if name in names] == by_rank
    for name, rank in zip(names, ranks, strict=True):
        assert (order.index(name) < order.index("appendix")) == (rank < 800)


# --- what it puts into the record ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)  # the first imports what collects
@given(content=JSON)
def test_collected_content_is_in_the_record_and_reads_back(content):
    register_section(Section("devices", "t", lambda r, f: None, collect=lambda gathered: content))
    try:
        fields = collect_sections(NOTHING)
    finally:
        SECTIONS._entries.pop("devices")
    record = example().model_copy(update=fields)
    again = Record.model_validate_json(record.to_json())
    assert again.sections == ({} if content is None else {"devices": printable(content)})
    assert again == record


def test_the_view_sees_what_was_collected(register):
    section = register(
        collect=lambda gathered: {"cells": len(gathered.cells), "pair": (1, 2)},
        view=lambda record, findings: record.sections.get("devices"),
        template="{{ content.cells }} cells, {{ content.pair }}",
    )
    fields = collect_sections(NOTHING)
    assert fields["sections"] == {section.name: {"cells": 0, "pair": [1, 2]}}
    record = example().model_copy(update=fields)
    assert "0 cells, [1, 2]" in Page(render_html(record)).words


def test_not_applicable_is_nothing_to_show(register):
    def collect(gathered):
        raise NotApplicable("no devices here")

    register(collect=collect)
    fields = collect_sections(NOTHING)
    assert (fields["sections"], fields["broken_sections"]) == ({}, {})


# --- a broken one ---


def boom(*_):
    raise ValueError("no such column")


def refuse(*_):
    raise AuditError("the store lacks the scores", "run once online")


@pytest.mark.parametrize(
    ("collect", "words"),
    [
        (boom, "ValueError: no such column"),
        (refuse, "the store lacks the scores"),
        (lambda gathered: {"x": np.float32(1)}, "must return JSON"),
        (lambda gathered: [float("nan")], "must return JSON"),
        (lambda gathered: {1, 2}, "must return JSON"),
    ],
)
def test_where_collecting_breaks_all_else_is_kept_and_the_page_says_so(register, collect, words):
    register(collect=collect)
    register("others", collect=lambda gathered: 1, view=lambda r, f: r.sections["others"])
    fields = collect_sections(NOTHING)
    assert fields["sections"] == {"others": 1}
    (error,) = fields["broken_sections"].values()
    assert f"report section 'devices' of {SECTIONS.origin('devices')}" in error
    assert words in error
    record = record_with(device(), **fields)
    words_on = Page(render_html(record)).words
    assert "Implanted devices This section could not be shown:" in words_on
    assert words in words_on
    assert record.findings[-1].reason in words_on, "its findings stand in the lists"
    assert Record.model_validate_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"view": boom}, "ValueError: no such column"),
        ({"view": refuse}, "the store lacks the scores"),
        ({"shows": boom}, "ValueError: no such column"),
        ({"template": "{{ content.missing.part }}"}, "UndefinedError"),
        ({"template": "{% for %}"}, "TemplateSyntaxError"),
        ({"template": '{% include "no-such-file" %}'}, "TemplateNotFound"),
    ],
)
def test_where_showing_breaks_the_rest_is_written_and_the_caller_hears(
    register, tmp_path, how, words
):
    record = record_with(device(observations=[estimate("share of carriers", 0.12, 0.02)]))
    alone = render_html(record)
    register(**how)
    (problem,) = write_report(record, tmp_path / "audit.html")
    assert f"report section 'devices' of {SECTIONS.origin('devices')} raised {words}" in str(
        problem
    )
    page = (tmp_path / "audit.html").read_text()
    assert words in Page(page).words
    assert [name for name in sections_on(page) if name != "devices"] == sections_on(alone)
    assert page.partition('id="passed"')[2] == alone.partition('id="passed"')[2]


def test_a_shipped_section_that_breaks_is_a_defect_and_raises():
    record = example()
    record.matrices = [matrix([[cell_of(0.9)], [cell_of(0.8)]])]
    with pytest.raises(ValueError, match="shorter"):
        render_html(record)


def test_content_of_an_extension_that_is_not_installed_is_not_passed_over():
    record = example().model_copy(
        update={"sections": {"devices": {"x": 1}}, "broken_sections": {"shunts": f"why {EVIL}"}}
    )
    page = render_html(record)
    assert "devices This section could not be shown:" in Page(page).words
    assert "is not installed here" in Page(page).words
    assert f"why {EVIL}" in Page(page).words
    assert "<script" not in page


# --- names ---


@pytest.mark.parametrize("name", ["passed", "method", "Devices", "a b", "", "x.y", "1x", EVIL])
def test_a_section_cannot_take_the_name_of_a_part_of_the_page(name):
    with pytest.raises(AuditError, match="cannot have the name"):
        Section(name, "t", lambda record, findings: None)
    with pytest.raises(AuditError, match="cannot have the name"):
        Section("devices", "t", lambda record, findings: None, parts=("good", name))


def test_a_shipped_sections_name_is_taken(register):
    with pytest.raises(AuditError, match=f"{SHIPPED} already has one with that name"):
        register("embeddings")
    assert SECTIONS.origin("embeddings") == SHIPPED


@pytest.mark.parametrize(
    "path", ["", "matrix", "embeddings.probe", "readers.skill", "attributions.maps"]
)
def test_a_check_may_name_a_section_or_the_part_of_one(path):
    check_section(path, "Z1")


@pytest.mark.parametrize(
    "path", ["embedings.probe", "embeddings", "embeddings.nothing", "matrix.rows", "Matrix", "."]
)
def test_a_check_that_names_no_section_is_refused_by_name(path, register):
    register()
    with pytest.raises(AuditError) as refused:
        check_section(path, "Z1")
    assert f'@check("Z1", section="{path}")' in str(refused.value)
    for known in ("associations", "devices", "embeddings.map", "matrix", "readers.agreement"):
        assert known in str(refused.value)


def test_every_shipped_check_names_a_section_that_exists():
    for check in shipped_checks():
        check_section(check.section, check.id)


def test_every_shipped_check_names_the_risk_that_it_looks_for():
    for check in shipped_checks():
        assert check.risk in set(RISKS) - {OTHER}, check.id


def test_every_shipped_section_and_part_is_named_by_a_check_or_collects_something():
    named = {check.section for check in shipped_checks()}
    for section in SECTIONS.values():
        if SECTIONS.origin(section.name) == SHIPPED:
            if section.parts or (section.collect is None and section.name != "baseline"):
                assert set(section.paths) <= named, "but what compares records, which no check does"
            assert not section.fills or section.fills in Record.model_fields


# --- no check id is known to the report ---


def a_forecast():
    """What the data of one target could decide, and what more would decide it."""
    cohort = Cohort(150, 1350)
    at_hand = AtHand(0.85, (0.52, 0.5, 0.54), cohort, Spread())
    place = "ours", "hospital", "effusion"
    return forecast(place, cohort, 0.85, "measured", 0.6, Levels(), at_hand)


def a_baseline():
    """A comparison with an earlier record, in which one check got worse."""
    change = Change(
        check="R3",
        title="falls to chance without the box",
        question="Does it?",
        case="",
        **{"model": "lung-net", "dataset": "site-b", "target": "effusion"},
        role="guard",
        kind="new",
        before=Verdict.PASS,
        now=Verdict.FAIL,
        loss=estimate("increase of AUROC", 0.1, 0.02),
        paired=True,
        regression=True,
        reason="it fails, and did not",
    )
    return BaselineRecord(
        digest="0" * 64,
        decision="open",
        audit_suite="0.1.0",
        models={"lung-net": "lung-net"},
        margin=0.05,
        alpha=0.05,
        notes=[],
        changes=[change],
    )


def everything():
    """A record in which every shipped section has something to show."""
    made = with_embeddings()
    readers = with_readers(3)
    reported = {"observations": [estimate("likeness", 0.1, 0.1)], "reason": "reported only: passed"}
    followed = estimate("x", 0.7, 0.1).model_copy(
        update={"at": {"property": "ward", "p_holm": 0.1}}
    )
    player = {"name": "lungs", "inside": 1.0, "area": 0.2}
    player |= {"share": estimate("share", 0.6, 0.1), "value": estimate("value", 0.6, 0.1)}
    made.findings += [
        *(f for f in readers.findings if f.section),
        placed("R0", "skill", observations=[estimate("AUROC", 0.9, 0.1)]),
        placed("R9", "matrix", observations=[cell_of(0.9)]),
        placed("R10", "curves", observations=curve()),
        placed("R13", "noticing.unmasked", reason="no skill to place"),
        placed("C2", "curves", observations=curve(grown="positive")),
        placed("M3", "associations", observations=[followed], case="ward"),
        placed("M7", "associations", observations=[told_share("ward", 0.4)], case="ward"),
        placed("M7", "associations", observations=[told_share("acquisition", 0.6)], case="all"),
        placed("R14", "attributions.regions", reason="no skill to place"),
        placed("I1", "attributions.maps", case="gradient"),
        placed("I3", "attributions.tests", case="gradient-all-layers", **reported),
        placed("I5", "attributions.tests", case="gradient", **reported),
        placed("P3", "frame.cells", reason="no skill to place"),
        placed("X3", "counterexamples", reason="reported only: no counterexample is confirmed"),
    ]
    cell = FrameCell(name="corners", area=0.1, share=estimate("share", 0.6, 0.1))
    place = {"model": "lung-net", "dataset": "site-b", "target": "effusion"}
    made.frames = [FrameRecord(**place, n_images=40, png=made.gallery[0].png, cells=[cell])]
    made.read = readers.read
    made.sections = {"hidden": [LUNGS], "reach": [a_forecast().model_dump(mode="json")]}
    made.baseline = a_baseline()
    made.matrices = [matrix([[cell_of(0.9), None]], rows=["full"])]
    made.attributions = [
        AttributionRecord(
            model="lung-net",
            dataset="site-b",
            target="effusion",
            n_images=40,
            players=[PlayerRecord.model_validate(player)],
            overlays=[Overlay(case="positive 1", method="gradient", png=made.gallery[0].png)],
        )
    ]
    made.findings += for_whom_and_when()
    pair = {"where": "training data", "rows": [2, 9], "alike": 0.98, "png": ["AA==", "AA=="]}
    made.sections["duplicates"] = [
        {"dataset": "d", "patients": 0, "training": 1, "asked_training": True, "images": 9}
        | {"pairs": [pair]}
    ]
    return made


def for_whom_and_when():
    """Findings on groups of patients, on probabilities and on changes of the picture."""

    def at(label, **place):
        return estimate(label, 0.8, 0.05).model_copy(update={"at": place})

    group = at("AUROC of one group", group="site: a", tags="site", statistic="auroc")
    slope = at("slope of probabilities", masking="full", statistic="slope")
    noisy = [at(f"AUROC with noise {n}", change="noise", severity=float(n)) for n in (0, 1)]
    return [
        placed("F1", "subgroups.tags", observations=[group]),
        placed("K1", "probabilities", observations=[slope]),
        placed("X2", "robustness.corruption", case="noise", observations=noisy),
        finding("D1", "pass", [drifting()], section="drift"),
        placed(
            "X4",
            "edits",
            case="nodule",
            observations=[at("response", editor="nodule", arm="edit", kept="of 40 edits 30 count")],
        ),
    ]


def drifting():
    """The score's level of new cases beside the audited ones."""
    at = {"drift": "score level", "group": "", "p": 0.4}
    chance = estimate("chance", 0.51, 0.04).model_copy(update={"at": at})
    return comparison(chance, "pass", "<", 0.1, 0.5)


def told_share(cue, value):
    """How much of what separates the classes a cue explains."""
    return estimate(f"share explained by {cue}", value, 0.05).model_copy(
        update={"at": {"cue": cue}}
    )


def test_a_tag_stands_beside_how_much_of_the_skill_it_explains():
    """One row of two checks; what is made of several properties has a share alone."""
    record = everything()
    for found in record.findings:
        if found.check == "M7":
            found.estimate = found.observations[0]
    rows = {
        row.name: row
        for table in SECTIONS["associations"].view(
            record, findings_of(record.findings, "associations")
        )
        for row in table.rows
    }
    assert rows["ward"].auroc.value == 0.7
    assert rows["ward"].share.value == 0.4
    assert (rows["all"].auroc, rows["all"].share.value) == (None, 0.6)
    section = render_html(record).partition('id="associations"')[2].partition("</section>")[0]
    assert "0.40" in section
    assert "0.60" in section


def placed(check, section, **more):
    content = {"title": f"about {section}", "id": f"{check}/lung-net/{more.get('case', '')}"}
    return finding(check, "not_applicable", [], section=section, **content | more)


def test_renaming_checks_changes_nothing_but_their_ids_on_the_page():
    record = everything()
    page = render_html(record)
    shipped = {s.name for s in SECTIONS.values() if SECTIONS.origin(s.name) == SHIPPED}
    on_the_first_screen = {"case"}
    assert shipped - on_the_first_screen <= set(sections_on(page)), "the record shows them all"
    for found in record.findings:
        if found.section:
            found.check = f"Renamed-{found.check}-"
    renamed = render_html(record)
    assert renamed.count("Renamed-") > 30
    assert re.sub(r"Renamed-(\w+)-", r"\1", renamed) == page


def test_what_the_data_could_decide_is_a_row_and_a_sentence():
    record = example()
    assert "reach" not in sections_on(render_html(record))
    undecided = a_forecast()
    record.sections["reach"] = [undecided.model_dump(mode="json")]
    page = unescape(render_html(record)).partition('id="reach"')[2].partition("</section>")[0]
    assert '<th scope="row">ours on hospital, effusion</th><td class="n">1,500</td>' in page
    assert "Closes at 25 % kept" in page
    assert "effusion is undecided: about " in page
    assert "M6, M7 must pass too where they apply, and R5, R13 must not fail" in page
    place = {"model": "ours", "dataset": "hospital", "target": "effusion"}
    for spoiling in (
        finding("C14", "fail", [], role="data", **place),
        finding("R8-box", "inconclusive", [], role="required", **place),
    ):
        spoilt = record.model_copy(update={"findings": [*record.findings, spoiling]})
        page = render_html(spoilt).partition('id="reach"')[2].partition("</section>")[0]
        assert "is undecided: " not in page, "more patients would not decide it"
    measured = undecided.measured.model_copy(update={"decided": True})
    decided = undecided.model_copy(update={"measured": measured})
    record.sections["reach"] = [decided.model_dump(mode="json")]
    assert "is undecided: " not in render_html(record).partition('id="reach"')[2]


def test_without_its_section_a_finding_is_in_the_general_lists_alone():
    record = everything()
    for found in record.findings:
        found.section = ""
    page = unescape(render_html(record))
    assert "readers" not in sections_on(page)
    assert "curves" not in sections_on(page)
    assert "associations" not in sections_on(page)
    for found in record.findings:
        for observed in found.observations:
            assert observed.label in page.partition('id="passed"')[2]


def test_no_check_id_is_written_outside_the_suites_and_the_causes():
    ids = {check.id for check in shipped_checks()}
    folders = [Path(audit_suite.__file__).parent / name for name in PACKAGES]
    for path in (
        p for f in [*folders, Path(pytest_audit.__file__).parent] for p in f.rglob("*.py")
    ):
        literals = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not literals & ids, path


# --- what shipped sections collect ---


def studied(name, trained_on, study="s"):
    return SimpleNamespace(
        model_name=name, model=SimpleNamespace(name=name, study=study, trained_on=trained_on)
    )


def row(model, *values, section="matrix", check="Z9"):
    maskings = ("full", "without-roi-box", "only-roi")
    cells = [cell_of(v, masking=m) for m, v in zip(maskings, values, strict=False)]
    return placed(check, section, model=model, observations=cells)


def test_rows_of_a_study_become_its_matrix_in_the_order_of_the_columns():
    cells = [studied("c", "only-roi"), studied("a", "full"), studied("b", "without-roi-box")]
    rows = [row("c", 0.1, 0.2, 0.3), row("a", 0.9, 0.6, 0.8), row("b", 0.5, 0.7, 0.4)]
    (found,) = collect_matrices(Gathered(cells, rows, [], None))
    assert (found.study, found.dataset, found.target) == ("s", "site-b", "effusion")
    assert found.rows == found.columns == ["full", "without-roi-box", "only-roi"]
    values = [[cell.value for cell in line] for line in found.cells]
    assert values == [[0.9, 0.6, 0.8], [0.5, 0.7, 0.4], [0.1, 0.2, 0.3]]


def test_what_a_model_of_the_study_was_not_asked_is_an_empty_cell_and_others_are_left_out():
    cells = [studied("a", "full"), studied("b", "noise"), studied("plain", None)]
    rows = [row("a", 0.9, 0.6), row("b", 0.5), row("plain", 0.7), row("a", 0.1, section="")]
    (found,) = collect_matrices(Gathered(cells, rows, [], None))
    assert found.rows == ["full", "noise"], "trained on what nothing was tested on: last"
    assert [[cell and cell.value for cell in line] for line in found.cells] == [
        [0.9, 0.6],
        [0.5, None],
    ]


def test_the_record_without_evidence_has_every_field_that_sections_fill():
    fields = collect_sections(NOTHING)
    assert {"matrices", "attributions", "gallery", "read", "embeddings"} <= set(fields)
    assert json.loads(example().model_copy(update=fields).to_json())


def test_load_record_reads_what_a_section_put_there(tmp_path):
    record = example().model_copy(update={"sections": {"devices": [1, {"a": None}]}})
    (tmp_path / "audit.json").write_text(record.to_json())
    assert load_record(tmp_path / "audit.json") == record


def test_findings_of_a_section_and_of_its_parts():
    made = [placed("A", s) for s in ("", "map", "maps", "map.a", "map.ab", "map.a.b")]
    assert [f.section for f in findings_of(made, "map")] == ["map", "map.a", "map.ab", "map.a.b"]
    assert [f.section for f in findings_of(made, "map.a")] == ["map.a", "map.a.b"]
