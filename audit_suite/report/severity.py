"""The order in which a reader needs findings: the most severe first, and what must pass first."""

from __future__ import annotations

from audit_suite.record import Finding
from audit_suite.record.policy import Role
from audit_suite.verdict import Verdict

OPEN = (Verdict.ERROR, Verdict.FAIL, Verdict.NONE, Verdict.INCONCLUSIVE)
"""Verdicts of what did not pass, the most severe first."""

_VERDICTS = (*OPEN, Verdict.WAIVED, Verdict.PASS, Verdict.NOT_APPLICABLE)
_ROLES: tuple[Role, ...] = ("required", "shown", "guard", "data", "context")


def severity(finding: Finding) -> tuple[int, int]:
    """Sort key: by verdict, then by the role of the check in the policy."""
    return _VERDICTS.index(finding.verdict), _ROLES.index(finding.role)
