"""One order for page, terminal and first screen: the most severe first, what must pass first."""

from __future__ import annotations

from report.example import finding

from audit_suite.report.severity import OPEN, severity
from audit_suite.verdict import Verdict


def test_verdict_before_role():
    guard, required = (
        finding("A", "fail", [], role=role, id=role) for role in ("guard", "required")
    )
    error = finding("B", "error", [], role="context")
    waived = finding("C", "waived", [], role="required")
    assert sorted([waived, guard, required, error], key=severity) == [
        error,
        required,
        guard,
        waived,
    ]


def test_every_verdict_and_role_has_a_place():
    for verdict in Verdict:
        for role in ("required", "shown", "guard", "data", "context"):
            assert severity(finding("A", verdict, [], role=role))
    assert OPEN[0] is Verdict.ERROR
    assert Verdict.WAIVED not in OPEN
