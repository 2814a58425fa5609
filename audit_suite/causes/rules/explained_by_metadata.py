"""Explained by metadata: a tag of the acquisition or the patient predicts the label."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.chance import off_chance
from audit_suite.causes.equals import strata, vanishing
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    by_name = strata(findings)
    properties = findings.of("M3")
    tags = [finding for finding in properties if finding.case in by_name]
    predicting = {f.case for f in tags if f.observations and off_chance(f.observations[0], by=0)}
    lacks = "tags declared as metadata" if properties else "M3 was not run"
    return vanishing(
        _CAUSE,
        findings,
        {name: among for name, among in by_name.items() if name in predicting},
        lacks="" if tags else lacks,
        no="the model is at chance without the region, or a tag does not explain what it detects",
    )


_CAUSE = register_cause(
    Cause(
        name="explained-by-metadata",
        checks=("R2", "R3", "C10"),
        also_reads=("M3",),
        words="the cue is tied to how or where the image was taken, or to who the patient is",
        rank=6,
        rule=_rule,
    )
)
