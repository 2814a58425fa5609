"""The decision of an audit: may the model be deployed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from audit_suite.audit.waivers import Waiver, needless
from audit_suite.record import Finding
from audit_suite.verdict import Verdict

EXIT_OPEN, EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_INCOMPLETE = 0, 1, 10, 11


@dataclass(frozen=True)
class Gate:
    """Whether the gate is open, why, and the exit code that says so."""

    decision: Literal["open", "closed", "partial"]
    reason: str
    exit_code: int


def count_verdicts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """The number of findings of each verdict, every verdict present."""
    counts = Counter(finding.verdict for finding in findings)
    return {verdict: counts[verdict] for verdict in Verdict}


def decide(
    findings: Sequence[Finding],
    inconclusive: Literal["block", "warn"] = "block",
    waivers: Sequence[Waiver] = (),
) -> Gate:
    """Draw the decision; the first rule that holds.

    A fail or error closes the gate (exit 1), a planned check that was not run makes the audit
    partial (11), an inconclusive closes it (10) unless the policy says ``warn``, and an audit in
    which no check reached a verdict never opens it (11). In a whole audit an expired or needless
    waiver closes the gate too (1): it would hide the next failure.

    Args:
        findings: One a planned case; verdict ``none`` if it did not run.
        inconclusive: What an inconclusive does to the gate.
        waivers: The waivers in force.
    """
    counts = count_verdicts(findings)
    if bad := counts[Verdict.FAIL] + counts[Verdict.ERROR]:
        return Gate("closed", f"{bad} of {sum(counts.values())} checks failed", EXIT_FAIL)
    if counts[Verdict.NONE]:
        return Gate(
            "partial",
            f"{counts[Verdict.NONE]} of {sum(counts.values())} planned checks were not run",
            EXIT_INCOMPLETE,
        )
    waived = [
        (f.check, f.model, f.dataset, f.target) for f in findings if f.verdict is Verdict.WAIVED
    ]
    if unused := needless(waivers, waived):
        names = ", ".join(f"{waiver.check} by {waiver.owner}" for waiver in unused)
        return Gate("closed", f"expired or needless waivers, remove them: {names}", EXIT_FAIL)
    if counts[Verdict.INCONCLUSIVE] and inconclusive == "block":
        return Gate(
            "closed",
            f"{_checks(counts[Verdict.INCONCLUSIVE])} inconclusive: too little data",
            EXIT_INCONCLUSIVE,
        )
    decided = counts[Verdict.PASS] + counts[Verdict.WAIVED] + counts[Verdict.INCONCLUSIVE]
    if not decided:
        return Gate("partial", "no check reached a verdict", EXIT_INCOMPLETE)
    return Gate("open", f"{_checks(counts[Verdict.PASS])} passed and none failed", EXIT_OPEN)


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
