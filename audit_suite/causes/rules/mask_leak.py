"""Mask leak: the outline of the hidden region gives the label away."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.leaks import beyond_the_mask, outline_is_read
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    holds = outline_is_read(findings)
    # Another patient's region also covers disease just beyond the own mask, and that too would
    # weaken the signal.
    rim = beyond_the_mask(findings) == "yes"
    return _CAUSE.flag(
        findings,
        "unknown" if rim and holds == "yes" else holds,
        yes="the mask's size or shape alone predicts the label, and what the model detects without "
        "the region falls when another patient's region is hidden as well",
        no="the mask's size and shape do not predict the label, or the model does not read them "
        "from the hole",
        cases=("geometry", "pixels"),
        lacks="a reader who compares the masks with the images" if rim else "",
    )


_CAUSE = register_cause(
    Cause(
        name="mask-leak",
        checks=("C1", "C3"),
        also_reads=("R2", "C12"),
        words="the outline of the region differs between sick and healthy, and the model reads the "
        "outline of what was hidden",
        remedy="have the masks drawn blind to the label, or use one region or box for all, and "
        "audit again",
        rank=2,
        rule=_rule,
    )
)
