"""The decision of an audit: may the model be deployed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from audit_suite.audit.waivers import Waiver, needless
from audit_suite.record import Finding
from audit_suite.verdict import Verdict


class Exit(IntEnum):
    """Exit codes of an audit. The terminal and README.md show these texts.

    After a change, run `make schema` to rewrite the table of README.md.
    """

    OPEN = 0, "the gate is open: every check that applies passed or was waived"
    FAIL = (
        1,
        "a check failed or ended in an error, or there is a problem with a waiver, a file of "
        "checks or an output file",
    )
    INCONCLUSIVE = (
        10,
        "a check is inconclusive: too little data (with `--audit-inconclusive=warn` the gate opens "
        "nevertheless)",
    )
    INCOMPLETE = (
        11,
        "the audit is incomplete: checks were left out (`-k`, `-x`, `--lf`, `--collect-only`, "
        "`--audit-plan` ...), or none of them reached a verdict",
    )

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """Attach the meaning to the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


@dataclass(frozen=True)
class Gate:
    """Whether the gate is open, why, and the exit code."""

    decision: Literal["open", "closed", "partial"]
    reason: str
    exit_code: Exit


def count_verdicts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """The number of findings of each verdict, every verdict present."""
    counts = Counter(finding.verdict for finding in findings)
    return {verdict: counts[verdict] for verdict in Verdict}


def decide(
    findings: Sequence[Finding],
    inconclusive: Literal["block", "warn"] = "block",
    waivers: Sequence[Waiver] = (),
) -> Gate:
    """Decide by the first rule that applies.

    A fail or error closes the gate (exit 1). A planned check that did not run makes the audit
    partial (11). In a complete audit an expired or needless waiver closes the gate (1), because it
    would hide the next failure. An inconclusive check closes the gate (10) unless the policy is
    ``warn``. An audit in which no check reached a verdict never opens it (11).

    Args:
        findings: One per planned case; verdict ``none`` if it did not run.
        inconclusive: Whether an inconclusive check closes the gate.
        waivers: The entries of the waiver file.
    """
    counts = count_verdicts(findings)
    if bad := counts[Verdict.FAIL] + counts[Verdict.ERROR]:
        return Gate("closed", f"{bad} of {sum(counts.values())} checks failed", Exit.FAIL)
    if counts[Verdict.NONE]:
        return Gate(
            "partial",
            f"{counts[Verdict.NONE]} of {sum(counts.values())} planned checks were not run",
            Exit.INCOMPLETE,
        )
    waived = [
        (f.check, f.model, f.dataset, f.target) for f in findings if f.verdict is Verdict.WAIVED
    ]
    if unused := needless(waivers, waived):
        names = ", ".join(f"{waiver.check} by {waiver.owner}" for waiver in unused)
        return Gate("closed", f"expired or needless waivers, remove them: {names}", Exit.FAIL)
    if counts[Verdict.INCONCLUSIVE] and inconclusive == "block":
        return Gate(
            "closed",
            f"{_checks(counts[Verdict.INCONCLUSIVE])} inconclusive: too little data",
            Exit.INCONCLUSIVE,
        )
    decided = counts[Verdict.PASS] + counts[Verdict.WAIVED] + counts[Verdict.INCONCLUSIVE]
    if not decided:
        return Gate("partial", "no check reached a verdict", Exit.INCOMPLETE)
    return Gate("open", f"{_checks(counts[Verdict.PASS])} passed and none failed", Exit.OPEN)


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
