"""What did not pass: one card for each question, its checks as rows, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.example import comparison, estimate, example, finding

from audit_suite.report import render_html
from audit_suite.report.charts.forest import AUROCS, DIFFERENCES, OTHERS, SHARES, by_unit
from audit_suite.report.claims import claims
from audit_suite.report.signals import signals
from audit_suite.risks import OTHER, RISKS

SEVERITY = ("error", "fail", "none", "inconclusive")


def case(check, verdict, number=0, value=0.7, **more):
    compared = comparison(estimate(f"AUROC {number}", value, 0.02), "fail", "<", 0.05, 0.5)
    judged = [compared] if verdict in ("fail", "pass", "inconclusive") else []
    target = more.pop("target", "effusion")
    identity = f"{check}/{more.get('model', 'lung-net')}/{target}/{number}"
    return finding(check, verdict, judged, id=identity, case=str(number), target=target, **more)


def rows(card):
    return [row.finding.check for row in card.rows]


def test_checks_of_one_risk_share_a_card_and_models_do_not():
    found = signals(
        [
            case("Q1", "inconclusive"),
            case("Q2", "fail"),
            case("Q3", "pass"),
            case("Q4", "fail", risk="groups"),
            case("Q1", "fail", model="other-net"),
        ]
    )
    assert [rows(card) for card in found] == [["Q2", "Q1"], ["Q1"], ["Q4"]]
    assert [f.check for f in found[0].passed] == ["Q3"]
    assert [card.question for card in found] == [
        RISKS["outside"].question,
        RISKS["outside"].question,
        RISKS["groups"].question,
    ]


def test_a_check_without_a_risk_is_a_question_of_its_own():
    asked = [case(c, "fail", risk=OTHER, question=f"Is it {c}?") for c in ("Q1", "Q2")]
    unknown = case("Q3", "fail", risk="of-a-later-release", question="Is it Q3?")
    found = signals([*asked, unknown])
    assert [card.question for card in found] == ["Is it Q1?", "Is it Q2?", "Is it Q3?"]
    assert {card.meaning for card in found} == {""}


def test_cases_and_targets_fold_into_a_row_and_the_furthest_out_leads():
    cases = [case("Q", "fail", 1, 0.6), case("Q", "fail", 2, 0.9), case("Q", "pass", 3)]
    (card,) = signals(cases)
    assert (card.rows[0].finding.case, card.rows[0].scope) == ("2", "2 of 3 cases")
    assert card.passed == (), "a check with a case that failed has not passed"
    targets = [case("Q", v, target=t) for t, v in (("a", "fail"), ("b", "fail"), ("c", "pass"))]
    (card,) = signals(targets)
    assert card.rows[0].scope == "2 of 3 targets"
    (card,) = signals([case("Q", "fail"), case("Q", "not_applicable", 1)])
    assert card.rows[0].scope == ""


def test_what_must_pass_stands_before_what_must_not_fail():
    (card,) = signals([case("A", "fail"), case("B", "fail", role="required"), case("C", "error")])
    assert rows(card) == ["C", "B", "A"]


def test_the_chart_is_of_what_must_pass():
    assert signals([case("A", "fail")])[0].chart is None
    (card,) = signals([case("A", "fail", role="required")])
    assert len(card.chart.lines) == 1


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("fail", "That can mean that the model reads"),
        ("inconclusive", "So it is not excluded that the model reads"),
        ("error", "So it is not known whether the model reads"),
        ("none", "So it is not known whether the model reads"),
    ],
)
def test_what_it_means_depends_on_the_verdict(verdict, words):
    (card,) = signals([case("Q", verdict)])
    assert card.meaning.startswith(words)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"),
            st.sampled_from((*SEVERITY, "pass", "waived", "not_applicable")),
            st.sampled_from(["outside", "groups", OTHER]),
            st.sampled_from(["m", "n"]),
        ),
        max_size=20,
    )
)
def test_every_check_that_did_not_pass_is_a_row_and_the_most_severe_leads(drawn):
    findings = [case(c + r, v, n, risk=r, model=m) for n, (c, v, r, m) in enumerate(drawn)]
    found = signals(findings)
    told = [(card.finding.model, row.finding.check) for card in found for row in card.rows]
    wanted = {(f.model, f.check) for f in findings if f.verdict.value in SEVERITY}
    assert len(told) == len(set(told))
    assert set(told) == wanted
    leads = [SEVERITY.index(card.finding.verdict) for card in found]
    assert leads == sorted(leads)
    for card in found:
        ranks = [SEVERITY.index(row.finding.verdict) for row in card.rows]
        assert ranks == sorted(ranks)


def test_claims_are_what_the_decision_rests_on():
    made = claims(
        [
            case("G", "fail"),
            case("D", "pass", role="data"),
            case("S", "fail", 1, 0.6, role="shown"),
            case("S", "fail", 2, 0.9, role="shown"),
            case("R", "pass", role="required"),
            case("N", "not_applicable", role="required"),
            case("E", "error", role="context"),
        ]
    )
    found = [(row.finding.check, row.finding.case, row.cases) for row in made.rows]
    assert found == [("S", "2", 2), ("R", "0", 1), ("E", "0", 1), ("D", "0", 1)]
    assert made.more == 0
    many = claims([case(f"R{n}", "pass", role="required") for n in range(50)])
    assert (len(many.rows), many.more) == (40, 10)


def test_a_claim_stands_with_its_margin_its_bound_its_verdict_and_a_link():
    html = render_html(example())
    table = html.partition('id="claims"')[2].partition("</section>")[0]
    assert "Skill is shown" in table
    assert "protocol 1.2 of the example hospital" in table
    assert "lower 95 % bound" in table
    assert 'href="#f-R1-lung-net-site-b-effusion-' in table


def test_what_is_measured_alike_stands_on_one_axis():
    labels = {
        "AUROC without ROI": AUROCS,
        "AUROC - AUROC without ROI": DIFFERENCES,
        "AUROC gap (age: 65 or more)": DIFFERENCES,
        "share of skill kept": SHARES,
        "Shapley share of lungs": SHARES,
        "Youden's J": OTHERS,
    }
    found = [
        finding("Q", "pass", [comparison(estimate(label, 0.3, 0.1), "pass", "<", 0.5)])
        for label in labels
    ]
    charts = {unit: [line.label for line in chart.lines] for unit, chart in by_unit(found)}
    wanted = {}
    for label, unit in labels.items():
        wanted.setdefault(unit, []).append(f"{label} (Q)")
    assert charts == wanted
