"""One error finding for one error: a missing column stops every check in the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from audit_suite.record import Finding, natural_order
from audit_suite.verdict import Verdict


def merge_same_errors(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those that end in the same error as one of them, which lists the others.

    The one that stays is a required check, where one of them is. A reader is told once what is
    wrong with a card or a file, and how many checks wait for it.

    Args:
        findings: One per planned case, in natural order.
    """
    by_reason: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.verdict is Verdict.ERROR and not finding.comparisons:
            by_reason[finding.reason].append(finding)
    merged: dict[str, Finding] = {}
    dropped: set[str] = set()
    for same in by_reason.values():
        first, *others = sorted(same, key=lambda f: (f.role != "required", natural_order(f)))
        if others:
            also = [finding.id for finding in others]
            merged[first.id] = first.model_copy(update={"also": also})
            dropped.update(also)
    return [merged.get(f.id, f) for f in findings if f.id not in dropped]
