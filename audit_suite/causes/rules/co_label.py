"""Co-label: the model reads another finding that comes with the target."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.equals import axis_of, strata, vanishing
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.record import CauseFlag, Finding


def _rule(findings: FindingsAt) -> CauseFlag:
    tags = {finding.case for finding in findings.of("M3")}

    def is_label(name: str, among: Finding) -> bool:
        if among.comparisons:
            return axis_of(among, "kind") == "target"
        return name not in tags  # nothing was compared, and nothing is recorded but the name

    labels = {name: among for name, among in strata(findings).items() if is_label(name, among)}
    return vanishing(
        _CAUSE,
        findings,
        labels,
        lacks="" if labels else "labels of other findings",
        no="the model is at chance without the region, or another finding does not explain what it "
        "detects",
    )


_CAUSE = register_cause(
    Cause(
        name="co-label",
        checks=("R2", "R3", "C10"),
        also_reads=("M3",),
        words="the model reads another finding that often comes with it",
        rank=5,
        rule=_rule,
    )
)
