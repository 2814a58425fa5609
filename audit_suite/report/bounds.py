"""The end of an interval that decided, and why a verdict is open although it lies beyond."""

from __future__ import annotations

from audit_suite.record import ComparisonRecord, Finding
from audit_suite.report.severity import deciding
from audit_suite.report.words import acceptance, number, p_value
from audit_suite.statistics import TOO_LITTLE, majority, why_undecided
from audit_suite.verdict import Verdict


def bound(comparison: ComparisonRecord) -> str:
    """The end that decided, in words: ``upper 95 % bound 0.2790``; empty without an interval."""
    if comparison.bound is None:
        return ""
    return f"{comparison.bound_words} {number(comparison.bound, 4)}"


def decided_by(finding: Finding) -> str:
    """The end that decided a finding, and what holds a fail back; empty where nothing compares."""
    decided = deciding(finding)
    if decided is None:
        return ""
    return "; ".join(filter(None, (bound(decided), _although(finding, decided))))


def _although(finding: Finding, decided: ComparisonRecord) -> str:
    """Why a finding is inconclusive, where more than the width of its interval is to blame."""
    if finding.verdict is not Verdict.INCONCLUSIVE:
        return ""
    if (why := why_undecided(finding)) != TOO_LITTLE:
        return why
    if not _is_beyond(decided):
        return ""
    group = [c for c in finding.comparisons if c.group == decided.group]
    if failed := sum(member.alone is Verdict.FAIL for member in group):
        return f"{failed} of {len(group)} fails alone; a fail takes {majority(len(group))}"
    return (
        f"beyond the margin (p {p_value(decided.p_raw)}), but a fail must hold at "
        f"{decided.fail_level:.2g}, its share of the level"
    )


def _is_beyond(comparison: ComparisonRecord) -> bool:
    """Whether the 95 % interval lies wholly outside what the claim allows."""
    low, high = acceptance(comparison)
    estimate = comparison.estimate
    return (high is not None and estimate.low >= high) or (low is not None and estimate.high <= low)
