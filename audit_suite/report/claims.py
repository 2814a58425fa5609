"""From claims to evidence: what the decision rests on, with margin, deciding bound and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import Finding
from audit_suite.record.policy import MUST_PASS
from audit_suite.report.places import Place, place_of
from audit_suite.report.severity import severity, worst_first
from audit_suite.verdict import Verdict

_MOST = 40


@dataclass(frozen=True)
class Claim:
    """One check in one place, with the case that decided.

    Attributes:
        finding: That case.
        cases: How many cases were judged.
    """

    finding: Finding
    cases: int


@dataclass(frozen=True)
class Claims:
    """The claims that the decision rests on, in the order of their weight.

    Attributes:
        rows: The first of them.
        more: How many more there are; all stand among the findings in full.
    """

    rows: tuple[Claim, ...]
    more: int


def claims(findings: Sequence[Finding]) -> Claims:
    """What must pass, what judges the data, and errors.

    Args:
        findings: All findings.
    """
    judged: dict[tuple[Place, str], list[Finding]] = {}
    for finding in findings:
        if _decides(finding) and finding.verdict is not Verdict.NOT_APPLICABLE:
            judged.setdefault((place_of(finding), finding.check), []).append(finding)
    rows = [Claim(min(cases, key=worst_first), len(cases)) for cases in judged.values()]
    rows.sort(key=lambda row: (row.finding.role not in MUST_PASS, severity(row.finding)))
    return Claims(tuple(rows[:_MOST]), max(len(rows) - _MOST, 0))


def _decides(finding: Finding) -> bool:
    return finding.role in (*MUST_PASS, "data") or finding.verdict is Verdict.ERROR
