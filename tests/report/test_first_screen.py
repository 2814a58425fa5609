"""The first screen: may it be released, why, how sure, what was not tested, what next."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.counterexamples import DONORS
from report.example import comparison, estimate, example, finding
from report.many import many
from report.real import real

from audit_suite.causes import FindingsAt
from audit_suite.record import (
    AttributionRecord,
    CauseFlag,
    CausesRecord,
    CounterexampleRecord,
    GalleryImage,
    Overlay,
    TargetDecision,
)
from audit_suite.registry import CAUSES
from audit_suite.report import render_html
from audit_suite.report.first import first_screen
from audit_suite.report.first.axis import FULL, LINE
from audit_suite.report.first.decision import FEW, TITLES
from audit_suite.report.first.groups import DRAWN, Group, first_and_rest
from audit_suite.report.first.rows import OUTSIDE
from audit_suite.report.first.strip import Shot


def decided(decision, *findings, **more):
    """The example's record with another decision, and these findings alone."""
    record = example()
    record.findings = list(findings)
    record.policy.missing = more.pop("missing", [])
    record.targets = [
        TargetDecision(
            model="lung-net",
            dataset="site-b",
            target="effusion",
            primary=True,
            decision=decision,
            reason="because",
            **{"kept": "", **more},
        )
    ]
    return record.model_copy(update={"decision": decision, "decision_reason": "because"})


def at(masking, value, label=None, **more):
    found = estimate(label or f"AUROC on {masking}", value, 0.02)
    return found.model_copy(update={"at": {"masking": masking}, **more})


FAILED = finding("R2", "fail", [comparison(estimate("AUROC", 0.7, 0.02), "fail", "<", 0.05, 0.5)])


@pytest.mark.parametrize(
    ("record", "title"),
    [
        (decided("open"), "No fault found in what was asked"),
        (decided("closed", FAILED), "Do not release: fault found"),
        (
            decided("closed", finding("R1", "error", [], reason="no file")),
            "Do not release: the audit ended with errors",
        ),
        (
            decided("undecided", needed="about 400 more patients would decide"),
            "Not decided: too little data; about 400 more patients would decide",
        ),
        (
            decided("undecided", needed="about 9 in all, would decide it with a chance of 80%"),
            "Not decided: too little data; about 9 in all, are needed",
        ),
        (
            decided("undecided", FAILED.model_copy(update={"role": "data"}), needed="x"),
            "Not decided: these data cannot acquit any model",
        ),
    ],
)
def test_the_decision_in_words(record, title):
    assert first_screen(record).title == title
    assert f"<h1>{title}</h1>" in render_html(record)


@pytest.mark.parametrize("more", [{"radius": 8.0}, {"stratum": "age"}, {"classifier": "probe"}])
def test_an_auroc_of_something_else_is_not_that_of_the_region(more):
    other = at("only-roi", 0.06)
    other.at.update(more)
    made = decided("open", finding("C2", "not_applicable", [], observations=[other]))
    assert first_screen(made).rows[0].marks[2].estimate is None
    plain = finding("R0", "not_applicable", [], observations=[at("only-roi", 0.9)])
    made.findings.append(plain)
    assert first_screen(made).rows[0].marks[2].estimate.value == 0.9


def test_a_narrowed_audit_names_what_was_not_asked():
    record = example()
    missing = record.policy.missing[0]
    four = [missing.model_copy(update={"check": f"Q{n}"}) for n in range(4)]
    record = decided("partial", missing=[*four, four[0]])
    assert first_screen(record).title == (
        "Not a full audit: Q0, Q1, Q2 and 1 more were not asked or not judged"
    )
    one = decided("partial", missing=four[:1])
    assert first_screen(one).title == "Not a full audit: Q0 was not asked or not judged"
    (order,) = first_screen(record).to_do
    assert order.startswith("Q0, Q1, Q2, Q3 (suite region-sensitivity): "), "one for all"


def test_who_what_when_and_by_which_rules():
    record = example()
    lines = dict(first_screen(record).identity)
    assert lines["Intended use"] == "not declared"
    assert "version not declared" in lines["Model"]
    model = record.provenance.models[0]
    model.version, model.intended_use = "2.1", "adults in an emergency room"
    record.environment["created"] = "2026-11-27T03:00:00+00:00"
    lines = dict(first_screen(record).identity)
    assert lines["Model"].startswith("lung-net, version 2.1 (5f5f5f")
    assert lines["Intended use"] == "adults in an emergency room"
    assert lines["Date"] == "2026-11-27"
    assert lines["Record"] == record.digest[:12]
    assert "1,200 patients" in lines["Data"]
    assert "effusion in 400" in lines["Data"]


def test_a_row_holds_the_three_numbers_the_band_and_the_share_of_the_region():
    hidden = comparison(at("without-roi-box", 0.52), "pass", "<", 0.05, 0.5)
    record = decided(
        "open",
        finding("A", "pass", [hidden]),
        finding("B", "not_applicable", [], observations=[at("full", 0.9), at("only-roi", 0.8)]),
        finding("C", "pass", [comparison(estimate(OUTSIDE, 0.3, 0.1), "pass", "<", 0.5)]),
    )
    (row,) = first_screen(record).rows
    assert {m.name: m.estimate and m.estimate.value for m in row.marks} == {
        "whole image": 0.9,
        "region hidden": 0.52,
        "only region": 0.8,
    }
    assert row.allowed == (0.45, 0.55)
    assert (row.inside.value, row.inside.low, row.inside.high) == pytest.approx((0.7, 0.6, 0.8))
    assert row.cause == "not asked"
    assert row.anchor == "coverage"


def test_what_was_not_asked_is_no_number():
    record = decided("closed", FAILED)
    (row,) = first_screen(record).rows
    assert [mark.estimate for mark in row.marks] == [None] * 3
    assert (row.allowed, row.inside, row.anchor) == (None, None, "problems")
    page = render_html(record)
    assert page.count(">not asked<") >= 3


def test_the_axis_keeps_the_order_and_its_ends():
    for axis in (FULL, LINE):
        places = [axis.x(value) for value in (-0.2, 0, 0.2, 0.5, 0.9, 1, 1.3)]
        assert places == sorted(places)
        assert places[0] == places[1]
        assert places[-1] == places[-2]
        assert axis.left < places[0] < places[-1] < axis.width - axis.right
        assert 0 < axis.y(0) < axis.y(1) < axis.y(2) < axis.height - axis.foot


def test_numbers_stand_beside_the_marks():
    hidden = comparison(at("without-roi-box", 0.52), "pass", "<", 0.05, 0.5)
    page = render_html(decided("open", finding("A", "pass", [hidden])))
    assert ">0.52 [0.50, 0.54]</text>" in page


def places(first):
    """Headings, and what is compared below each."""
    return {group.heading: [name for name, _ in group.rows] for group in first.groups}


def test_a_few_places_are_not_grouped():
    assert first_screen(many(targets=FEW)).groups == ()
    assert first_screen(many(targets=FEW + 1)).groups


def test_one_model_in_fourteen_targets_is_one_table_with_the_worst_first():
    record = many(targets=14)
    first = first_screen(record)
    assert first.tally == "4 closed, 3 undecided, 7 open"
    ((heading, names),) = places(first).items()
    assert heading == "net-0 on site-0"
    assert sorted(names) == sorted(record.provenance.models[0].targets)
    decisions = [row.decision.decision for _, row in first.groups[0].rows]
    assert decisions == ["closed"] * 4 + ["undecided"] * 3 + ["open"] * 7
    page = render_html(record)
    assert "14 decisions: 4 closed, 3 undecided, 7 open." in page
    assert "14 targets, each in 400 to 400" in page


def test_models_are_compared_on_the_same_data_and_target():
    first = first_screen(many(models=3, datasets=2, targets=2))
    assert set(places(first)) == {
        f"finding-{t}, site-{d}" for t, d in itertools.product(range(2), range(2))
    }
    assert all(sorted(names) == ["net-0", "net-1", "net-2"] for names in places(first).values())
    identity = dict(first.identity)
    assert identity["3 models"].count("net-") == 3
    assert identity["Intended use"] == "not declared", "said once"


def test_data_sets_are_compared_for_one_model_and_target():
    ((heading, names),) = places(first_screen(many(datasets=9))).items()
    assert heading == "net-0, finding-0"
    assert sorted(names) == [f"site-{n}" for n in range(9)]
    identity = dict(first_screen(many(datasets=9)).identity)
    assert identity["9 data sets"].endswith("; and 5 more, under Provenance")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_groups_stay_whole_and_none_is_lost(sizes):
    (_, row), *_ = first_screen(many(targets=7)).groups[0].rows
    made = [Group(str(n), "model", (("m", row),) * size) for n, size in enumerate(sizes)]
    shown, folded = first_and_rest(made)
    assert [*shown, *folded] == made
    assert shown
    assert len(shown) == 1 or sum(len(group.rows) for group in shown) <= DRAWN


def test_what_is_folded_away_is_on_the_page_and_counted():
    page = render_html(many(models=5, datasets=2, targets=3))
    assert "10 more, no worse than these" in page
    for model, data, target in itertools.product(range(5), range(2), range(3)):
        assert re.search(
            rf">finding-{target}, site-{data}</th></tr>.*?<th scope=\"row\">net-{model}</th>",
            page,
            re.DOTALL,
        )


def test_the_decision_names_its_cause_and_what_is_open():
    record = decided("closed", FAILED)
    assert first_screen(record).causes == (), "nothing was looked for"
    named, unknown = cause("mask-leak"), cause("co-label", "unknown", settles="labels")
    record.causes = [named.model_copy(update={"flags": [*named.flags, *unknown.flags]})]
    record.causes[0].sentence = "On effusion: the outline tells it."
    assert first_screen(record).causes == (
        ("Cause named", "mask leak. On effusion: the outline tells it"),
        ("Could not be settled", "co-label"),
    )
    assert "<strong>Could not be settled:</strong> co-label." in render_html(record)
    record.causes = [cause("framing", "no")]
    assert first_screen(record).causes == (("Cause named", "none"),)
    several = first_screen(many(targets=14)).causes
    assert several == (("Cause named", "background shortcut (in 4 of 14)"),)


def test_what_no_cause_explains_is_said_as_what_is_to_be_found_out():
    """Region sensitivity alone was asked: no single cause was looked for."""
    first = first_screen(real("undecided"))
    rest = "what the model reads outside the region"
    assert first.causes == (("Cause named", "none"), ("Could not be settled", rest))
    assert f"To know {rest}: R2: too little data; R3: too little data." in first.to_do


def test_at_most_three_causes_are_listed():
    record = decided("closed", FAILED)
    record.causes = [cause(f"c{n}", "unknown") for n in range(5)]
    (_, (_, text)) = first_screen(record).causes
    assert text == "c0 (in 1 of 5), c1 (in 1 of 5), c2 (in 1 of 5) and 2 more"


def cause(name, holds="yes", **more):
    flag = {"cause": name, "holds": holds, "because": "", "settles": "", "estimates": []} | more
    return CausesRecord(
        model="lung-net",
        dataset="site-b",
        target="effusion",
        causes=[name] if holds == "yes" else [],
        flags=[CauseFlag(**flag)],
    )


def test_what_to_do_comes_from_the_cause_then_from_errors_and_what_would_decide():
    record = decided("closed", FAILED, finding("R5", "error", [], reason="row 17: no mask"))
    record.causes = [cause("mask-leak", remedy="have the masks drawn blind")]
    first, second, *_ = first_screen(record).to_do
    assert first == "Mask leak: have the masks drawn blind."
    assert "row 17: no mask" in second
    assert first_screen(record).rows[0].cause == "mask leak"
    record.causes = []
    assert "no cause is named for it" in " ".join(first_screen(record).to_do)
    record.causes = [cause("framing", "unknown", settles="C11 on more patients")]
    assert "To know whether it is framing: C11 on more patients." in first_screen(record).to_do


def test_at_most_five_orders():
    errors = [finding("R5", "error", [], reason=f"row {n}: no mask") for n in range(9)]
    orders = first_screen(decided("closed", *errors)).to_do
    assert len(orders) == 5
    assert orders[-1] == "and 5 more, with the findings below"


def test_every_shipped_cause_says_what_to_do():
    findings = FindingsAt([])
    for shipped in CAUSES.values():
        assert shipped.remedy, shipped.name
        assert shipped.flag(findings, "yes", yes="", no="").remedy == shipped.remedy
        assert shipped.flag(findings, "no", yes="", no="").remedy == ""


def test_what_was_not_tested_is_grouped_by_its_reason():
    record = decided(
        "open",
        *(finding(f"Q{n}", "not_applicable", [], reason="no readings") for n in range(8)),
        finding("P1", "none", []),
        finding("P2", "not_applicable", [], reason="reported only", observations=[at("full", 0.9)]),
    )
    groups = dict(first_screen(record).not_tested)
    assert groups["no readings"] == "Q0, Q1, Q2, Q3, Q4, Q5 and 2 more"
    assert groups["planned, but not run"] == "P1"
    assert list(groups)[-1] == "No check of this audit can see"
    assert not any("P2" in checks for checks in groups.values())
    assert "devices" in groups["No check of this audit can see"], "said beside an open gate too"


def test_reasons_that_differ_in_a_name_alone_are_one():
    same = [
        ("M3", "aspect"),
        ("M7", "aspect"),
        ("M3", "size"),
        *(("M9", f"n{n}") for n in range(6)),
    ]
    found = (
        finding(check, "not_applicable", [], reason=f"all images have the same '{name}'")
        for check, name in same
    )
    two = finding("I8", "not_applicable", [], reason="'a' and 'b' never differ")
    reasons = dict(first_screen(decided("open", *found, two)).not_tested)
    names = "'aspect', 'size', 'n0', 'n1', 'n2', 'n3' and 2 more"
    assert reasons[f"all images have the same {names}"] == "M3, M7, M9"
    assert reasons["'a' and 'b' never differ"] == "I8"


def test_suites_that_were_not_asked_come_after_what_is_required():
    record = example()
    record.policy.suites_not_asked = [f"s{n}" for n in range(9)]
    (first, _), (second, suites), *_ = first_screen(record).not_tested
    assert first == "required, but not asked or not judged"
    assert second == "suites that were not asked"
    assert suites.split(", ") == record.policy.suites_not_asked, "all of them"


def test_what_no_check_can_see_is_always_on_the_page():
    found = (finding(f"Q{n}", "not_applicable", [], reason=f"reason {n}") for n in range(9))
    page = render_html(decided("open", *found))
    assert "4 more reasons are under" in page
    assert "devices and text on the region itself" in page


def test_the_worst_fail_is_told_with_its_numbers():
    guard = FAILED.model_copy(update={"check": "G"})
    required = FAILED.model_copy(update={"check": "R8-box", "role": "required"})
    first, second, third = first_screen(decided("closed", guard, required)).why
    assert first.startswith("Because. On this evidence")
    assert second.startswith("R8-box asks: With the region of interest hidden")
    assert "hidden, does the model fall to chance? No: AUROC is 0.70 [0.68, 0.72] on" in second
    assert "1,200 patients; between 0.45 and 0.55 passes." in second
    assert "1 other check failed too" in second
    assert "one-sided 0.05" in third


def picture(masking, case="positive 1"):
    return GalleryImage(
        model="lung-net",
        dataset="site-b",
        target="effusion",
        case=case,
        masking=masking,
        png="QUJD",
        hidden_fraction=0.0,
    )


def test_the_strip_shows_one_patient_whole_hidden_and_alone_with_scores():
    record = decided("closed", FAILED)
    (roi,) = record.provenance.datasets[0].targets["effusion"].roi
    names = ("full", f"without-{roi}-box", f"without-{roi}", f"only-{roi}", "without-heart-box")
    record.gallery = [*map(picture, names), picture("full", "negative 1")]
    score = {"probability": 0.9312, "above": 0.88}
    record.sections["case"] = [
        {
            "model": "lung-net",
            "dataset": "site-b",
            "target": "effusion",
            "scores": {"full": score, "without-roi-box": {"probability": None, "above": 0.4}},
        }
    ]
    shots = first_screen(record).strip.shots
    assert [shot.name for shot in shots] == ["whole image", "region hidden", "only region"]
    assert shots[0].score == "score 0.931, higher than 88% of these patients' whole images"
    assert shots[1].score == "higher than 40% of these patients' whole images"
    assert shots[2].score == ""
    record.gallery = []
    assert first_screen(record).strip is None


def test_the_strip_ends_with_what_moved_the_score_and_its_score():
    record = decided("closed", FAILED)
    record.gallery = [picture("full"), picture("without-lungs")]
    place = {"model": "lung-net", "dataset": "site-b", "target": "effusion"}
    overlay = Overlay(case="positive 1", method="gradient", png="QUJE")
    record.attributions = [AttributionRecord(**place, n_images=4, players=[], overlays=[overlay])]
    record.sections["case"] = [
        {**place, "scores": {}, "explained": {"probability": 0.75, "above": 0.6}}
    ]
    *_, last = first_screen(record).strip.shots
    assert last == Shot(
        "what moved the score (gradient, another patient)",
        "QUJE",
        "score 0.750, higher than 60% of these patients' whole images",
    )
    scores, pictures = [0.9, 0.85, 0.1], ["QQ==", "Qg==", "Qw=="]
    found = CounterexampleRecord(**DONORS | {"scores": scores, "pictures": pictures})
    record.findings[0].counterexample = found
    *_, last = first_screen(record).strip.shots
    assert last == Shot(
        "changed outside the region (another patient)", "Qw==", "score 0.10, before it 0.90"
    )
    record.findings[0].counterexample = found.model_copy(update={"pictures": []})
    *_, last = first_screen(record).strip.shots
    assert last.png == "QUJE", "people may see none of the images"


def test_lines_of_targets_where_there_are_few():
    record = decided("closed", FAILED)
    one = record.targets[0]
    assert first_screen(record).targets == ()
    record.targets = [one.model_copy(update={"target": f"t{n}"}) for n in range(FEW)]
    assert len(first_screen(record).targets) == FEW
    record.targets.append(one)
    assert first_screen(record).targets == ()
    assert all(f"on site-b, t{n}" in render_html(record) for n in range(FEW))


def test_names_and_texts_are_text():
    record = decided("closed", FAILED)
    record.provenance.models[0].intended_use = "<script>alert(1)</script>" + "x" * 300
    record.causes = [cause("mask-leak", remedy="<img src=x onerror=alert(1)>")]
    page = render_html(record)
    assert "<script>" not in page
    assert "<img src=x" not in page


def test_no_title_is_left_without_a_decision():
    record = example()
    for decision in TITLES:
        changed = record.model_copy(update={"decision": decision})
        assert first_screen(changed).title
        assert re.search(r"<h1>.+</h1>", render_html(changed))


def test_what_is_left_of_the_skill_is_said_once():
    record = decided("open", kept="at most 6% of the skill is left")
    assert first_screen(record).why[1] == "At most 6% of the skill is left."
    record.targets.append(record.targets[0].model_copy(update={"target": "nodule"}))
    first = first_screen(record)
    assert not any("6%" in sentence for sentence in first.why), "each target has its own line"
    assert all("6%" in words for _, words in first.targets)


def test_the_levels_are_those_of_the_release():
    record = decided("open")
    (_, sentence) = first_screen(record).why
    assert "a chance of at most 0.05" in sentence
    assert "any check of a model" in sentence
    record.policy.content["looks"] = 5
    record.provenance.settings.multiplicity = "none"
    (_, sentence) = first_screen(record).why
    assert "one-sided 0.01;" in sentence, "a pass is divided among the looks"
    assert "that each check fails wrongly" in sentence
