"""Why nothing is decided, and what would help, as short as a heading."""

from __future__ import annotations

import re
from collections.abc import Sequence

from audit_suite.record import Finding, Record, TargetDecision
from audit_suite.record.policy import MUST_PASS
from audit_suite.report.places import place_of
from audit_suite.report.unfit import remedies
from audit_suite.statistics import TOO_LITTLE, why_undecided
from audit_suite.statistics.needed import HOPELESS
from audit_suite.verdict import Verdict

_HEAD = re.compile(r"(?:\([^)]*\)|[^:;(])+")  # what stands before the first colon or semicolon
_MOST = 2  # reasons in a heading


def undecided_in_words(record: Record) -> str:
    """What stands after "Not decided:": the reason, and how many patients would decide.

    Args:
        record: One that is undecided.
    """
    primary = [target for target in record.targets if target.primary] or record.targets
    places = set(map(place_of, primary))
    findings = [finding for finding in record.findings if place_of(finding) in places]
    if remedies(findings):
        return "these data cannot acquit any model"
    reasons = _reasons(findings)
    needed = _needed(primary)
    if needed == HOPELESS and reasons == [TOO_LITTLE]:
        return needed
    more = [f"and {len(reasons) - _MOST} more"] if len(reasons) > _MOST else []
    return "; ".join(filter(None, [*reasons[:_MOST], *more, needed]))


def _reasons(findings: Sequence[Finding]) -> list[str]:
    """Why checks that must pass are undecided, each once; too little data comes last."""
    heads = []
    for finding in findings:
        if finding.role in MUST_PASS and finding.verdict is Verdict.INCONCLUSIVE:
            why = why_undecided(finding)
            head = _HEAD.match(why)
            heads.append((head[0] if head else why).strip())
    return sorted(dict.fromkeys(heads), key=lambda head: head == TOO_LITTLE) or [TOO_LITTLE]


def _needed(targets: Sequence[TargetDecision]) -> str:
    """How many patients are needed, where it is one number; its chance stands further below."""
    needed = list(dict.fromkeys(target.needed for target in targets if target.needed))
    if len(needed) != 1:
        return ""
    amount, _, rest = needed[0].partition(", would decide it")
    return f"{amount}, are needed" if rest else needed[0]
