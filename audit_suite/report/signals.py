"""What did not pass, by question: one card for each risk of a model, its checks as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import Finding
from audit_suite.record.policy import MUST_PASS
from audit_suite.report.charts.forest import Forest, forest_of
from audit_suite.report.severity import OPEN, severity, worst_first
from audit_suite.risks import OTHER, RISKS
from audit_suite.verdict import Verdict

_MEANINGS = {
    Verdict.ERROR: "So it is not known whether {}.",
    Verdict.FAIL: "That can mean that {}.",
    Verdict.NONE: "So it is not known whether {}.",
    Verdict.INCONCLUSIVE: "So it is not excluded that {}.",
}
_DRAWN = 6  # comparisons of the first check that its card draws


@dataclass(frozen=True)
class Sibling:
    """One check of a card, at all targets and with all of its cases.

    Attributes:
        finding: The case that says most.
        scope: Where else it did not pass: ``3 of 5 cases``; empty if it has one case.
    """

    finding: Finding
    scope: str


@dataclass(frozen=True)
class Signal:
    """What one model on one data set did not pass of one risk.

    Attributes:
        question: What its checks ask together.
        meaning: What that can mean for patients, in a sentence.
        rows: Checks that did not pass, the most severe first.
        passed: One case of each check that passed all of its cases.
        chart: Estimates of the first check, if it must pass; None where there are too many.
    """

    question: str
    meaning: str
    rows: tuple[Sibling, ...]
    passed: tuple[Finding, ...]
    chart: Forest | None

    @property
    def finding(self) -> Finding:
        """What says most."""
        return self.rows[0].finding


def signals(findings: Sequence[Finding]) -> tuple[Signal, ...]:
    """The cards of a record, the most severe first.

    Args:
        findings: All findings.
    """
    cards: dict[tuple[str, str, str, str], dict[str, list[Finding]]] = {}
    for finding in findings:
        risk = finding.risk if finding.risk in RISKS else OTHER
        own = finding.check if risk == OTHER else ""
        checks = cards.setdefault((finding.model, finding.dataset, risk, own), {})
        checks.setdefault(finding.check, []).append(finding)
    order = list(RISKS)
    in_order = sorted(cards.items(), key=lambda item: order.index(item[0][2]))
    made = [_signal(key[2], checks) for key, checks in in_order]
    return tuple(sorted(filter(None, made), key=lambda signal: severity(signal.finding)))


def _signal(risk: str, checks: dict[str, list[Finding]]) -> Signal | None:
    failed = {check: [f for f in cases if f.verdict in OPEN] for check, cases in checks.items()}
    rows = [
        Sibling(min(bad, key=worst_first), _scope(bad, checks[check]))
        for check, bad in failed.items()
        if bad
    ]
    if not rows:
        return None
    # Among equals the plainest question, so that controls follow what they control.
    rows.sort(key=lambda row: (severity(row.finding), len(row.finding.question)))
    worst = rows[0].finding
    draw = worst.role in MUST_PASS and len(worst.comparisons) <= _DRAWN
    question, fault = RISKS[risk]
    return Signal(
        question=worst.question if risk == OTHER else question,
        meaning="" if risk == OTHER else _MEANINGS[worst.verdict].format(fault),
        rows=tuple(rows),
        passed=tuple(
            cases[0]
            for cases in checks.values()
            if all(finding.verdict is Verdict.PASS for finding in cases)
        ),
        chart=forest_of([worst]) if draw else None,
    )


def _scope(bad: Sequence[Finding], cases: Sequence[Finding]) -> str:
    """How many of the targets, or of the cases, did not pass."""
    asked = [finding for finding in cases if finding.verdict is not Verdict.NOT_APPLICABLE]
    if len(asked) == 1:
        return ""
    targets = {finding.target for finding in asked}
    if len(targets) > 1:
        return f"{len({finding.target for finding in bad})} of {len(targets)} targets"
    return f"{len(bad)} of {len(asked)} cases"
