"""What did not pass: one card for each check and place, its cases as rows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from report.example import comparison, estimate, example, finding

from audit_suite.report.page import page_of
from audit_suite.verdict import Verdict

SEVERITY = ("error", "fail", "none", "inconclusive")


def case(check, verdict, number=0, role="guard", target="effusion"):
    compared = comparison(estimate(f"AUROC {number}", 0.7, 0.02), "fail", "<", 0.05, 0.5)
    judged = [compared] if verdict in ("fail", "pass", "inconclusive") else []
    return finding(
        check,
        verdict,
        judged,
        id=f"{check}/{target}/{number}",
        case=str(number),
        role=role,
        target=target,
    )


def cards(*findings):
    record = example()
    record.findings = list(findings)
    return page_of(record, [], None).problems


def test_cases_of_a_check_share_a_card_and_places_do_not():
    found = cards(
        case("Q", "inconclusive", 1),
        case("Q", "fail", 2),
        case("Q", "pass", 3),
        case("Q", "fail", 4, target="nodule"),
    )
    assert [[f.case for f in card.findings] for card in found] == [["2", "1"], ["4"]]
    assert [card.passed for card in found] == [1, 0]
    assert found[0].finding.verdict is Verdict.FAIL
    assert len(found[0].chart.lines) == 2, "both cases that did not pass are drawn"


def test_what_must_pass_stands_before_what_must_not_fail():
    found = cards(case("A", "fail"), case("B", "fail", role="required"), case("C", "error"))
    assert [card.finding.check for card in found] == ["C", "B", "A"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from((*SEVERITY, "pass"))), max_size=20)
)
def test_nothing_is_lost_and_the_most_severe_leads(drawn):
    findings = [case(check, verdict, n) for n, (check, verdict) in enumerate(drawn)]
    found = cards(*findings)
    told = [f.id for card in found for f in card.findings]
    assert sorted(told) == sorted(f.id for f in findings if f.verdict is not Verdict.PASS)
    leads = [SEVERITY.index(card.finding.verdict) for card in found]
    assert leads == sorted(leads)
    for card in found:
        ranks = [SEVERITY.index(f.verdict) for f in card.findings]
        assert ranks == sorted(ranks)
