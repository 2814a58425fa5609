"""Background shortcut: the label shows outside the region, whatever the outline of the hole."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import all_of
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    rim_only = findings.fails("C12") == "no"  # all of the signal lies just beyond the mask
    signal = all_of(findings.detects_label("R2", "R3"), findings.detects_label("C4"))
    return _CAUSE.flag(
        findings,
        "no" if rim_only else signal,
        yes="the model detects the label without the region, and also when the same area is hidden "
        "in all images, so that no outline can give the label away",
        no="the model is at chance with the region hidden, with its margin hidden as well, or with "
        "the same area hidden in all images",
    )


_CAUSE = register_cause(
    Cause(
        name="background-shortcut",
        checks=("R2", "R3", "C4"),
        also_reads=("C12",),
        words="the model recognises it from parts of the image outside the region where a reader "
        "would look",
        rank=1,
        rule=_rule,
    )
)
