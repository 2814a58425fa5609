"""One error finding for one error, and a decision that still knows every check behind it."""

from __future__ import annotations

from gate.made import finding, required
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.audit.gate import decide, missing_checks
from audit_suite.audit.same_error import merge_same_errors
from audit_suite.verdict import Verdict


def test_checks_that_end_in_one_error_are_one_finding():
    findings = [
        finding("R2", "error", reason="no column"),
        finding("R1", "error", reason="no column", role="required"),
        finding("R3", "error", reason="another"),
        finding("R4", "pass"),
        finding("R5", "error", reason="no column"),
    ]
    merged = merge_same_errors(findings)
    assert [f.check for f in merged] == ["R1", "R3", "R4"]
    assert merged[0].also == ["R2/m/d/t/0", "R5/m/d/t/0"]
    assert merged[0].and_more == ", and 2 more checks"
    assert [f.and_more for f in merged[1:]] == ["", ""]
    assert findings[1].also == []  # the findings that came in are as they were


def test_the_decision_counts_the_checks_not_the_findings():
    errors = [finding(f"R{number}", "error") for number in range(1, 87)]
    gate = decide(merge_same_errors(errors), required("R1"))
    assert (gate.decision, gate.reason) == (
        "closed",
        "an error left 86 of 86 checks without a verdict",
    )
    mixed = [*errors[:3], finding("R90", "fail"), finding("R91", "pass")]
    gate = decide(merge_same_errors(mixed), required("R1"))
    assert gate.reason == "1 of 5 checks failed, and an error left 3 checks without a verdict"


@given(
    st.lists(
        st.tuples(st.sampled_from(["pass", "fail", "error", "none"]), st.sampled_from("ab")),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.integers(0, 14)),
)
def test_no_check_is_lost(drawn, needed):
    findings = [
        finding(f"R{number}", verdict, reason=reason)
        for number, (verdict, reason) in enumerate(drawn)
    ]
    merged = merge_same_errors(findings)
    ids = [id for f in merged for id in (f.id, *f.also)]
    assert sorted(ids) == sorted(f.id for f in findings)
    kept = [f for f in merged if f.verdict is not Verdict.ERROR]
    assert kept == [f for f in findings if f.verdict is not Verdict.ERROR]
    reasons = [f.reason for f in merged if f.verdict is Verdict.ERROR]
    assert len(reasons) == len(set(reasons))
    wanted = required(*(f"R{number}" for number in needed))
    assert missing_checks(merged, wanted) == missing_checks(findings, wanted)
    assert decide(merged, wanted) == decide(merged[::-1], wanted)


def test_an_id_that_only_starts_alike_is_another_check():
    findings = merge_same_errors(
        [finding("R1", "error", id="R1/m/d/t2"), finding("R2", "error", role="required")]
    )
    assert [check.check for check in missing_checks(findings, required("R1", "R2"))] == ["R1"]
