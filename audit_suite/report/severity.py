"""The order in which a reader needs findings: the most severe first, and what must pass first."""

from __future__ import annotations

import math

from audit_suite.record import ComparisonRecord, Finding
from audit_suite.record.policy import ROLES
from audit_suite.report.words import acceptance
from audit_suite.verdict import Verdict

OPEN = (Verdict.ERROR, Verdict.FAIL, Verdict.NONE, Verdict.INCONCLUSIVE)
"""Verdicts of what did not pass, the most severe first."""

_TINY = 1e-9  # width of an interval that is a point
_VERDICTS = (*OPEN, Verdict.WAIVED, Verdict.PASS, Verdict.NOT_APPLICABLE)


def severity(finding: Finding) -> tuple[int, int]:
    """Sort key: by verdict, then by the role of the check in the policy."""
    return _VERDICTS.index(finding.verdict), ROLES.index(finding.role)


def deciding(finding: Finding) -> ComparisonRecord | None:
    """The comparison that decided a finding; None if there is none."""
    return next((c for c in finding.comparisons if c.estimate == finding.estimate), None)


def worst_first(finding: Finding) -> tuple[int, int, float]:
    """Sort key of the cases of a check: of equal verdicts, what lies furthest from the allowed."""
    compared = deciding(finding)
    if compared is None:
        return (*severity(finding), 0.0)
    estimate, (low, high) = compared.estimate, acceptance(compared)
    beyond = max(
        estimate.value - high if high is not None else -math.inf,
        low - estimate.value if low is not None else -math.inf,
    )
    return (*severity(finding), -beyond / max(estimate.high - estimate.low, _TINY))
