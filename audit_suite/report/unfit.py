"""What no number of patients decides: data that cannot acquit any model, and what would help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audit_suite.record import Finding
from audit_suite.record.policy import MUST_PASS
from audit_suite.statistics import says_so_itself
from audit_suite.verdict import Verdict

_ADVICE = "What to do"  # its first sentence is the remedy


def remedies(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """What would make data fit, each with the ids of the checks of the data that failed.

    Args:
        findings: Any findings; nothing comes of data that are fit.
    """
    checks: dict[str, list[str]] = {}
    for finding in findings:
        if finding.role == "data" and finding.verdict is Verdict.FAIL:
            named = checks.setdefault(_remedy(finding), [])
            if finding.check not in named:
                named.append(finding.check)
    return checks


def unfit_data(findings: Iterable[Finding]) -> str:
    """Why data cannot acquit any model, and what would help; empty if they can.

    Args:
        findings: Those that a decision rests on.
    """
    helping = remedies(findings)
    if not helping:
        return ""
    failed = ", ".join(check for checks in helping.values() for check in checks)
    orders = [
        f"{remedy} ({', '.join(checks)})" if len(helping) > 1 else remedy
        for remedy, checks in helping.items()
    ]
    return f"these data cannot acquit any model ({failed}): {'; '.join(orders)}"


def patients_decide(findings: Sequence[Finding]) -> bool:
    """Whether more patients like these could decide what is undecided.

    Args:
        findings: Those that a decision rests on.
    """
    undecided = (
        finding
        for finding in findings
        if finding.role in MUST_PASS and finding.verdict is Verdict.INCONCLUSIVE
    )
    return not remedies(findings) and not any(map(says_so_itself, undecided))


def _remedy(finding: Finding) -> str:
    advice = " ".join(finding.advice.get(_ADVICE, "").replace("`", "").split())
    first = advice.partition(". ")[0].rstrip(".")
    return f"{first[:1].lower()}{first[1:]}" if first else "correct the data, and audit again"
