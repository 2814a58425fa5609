"""Incomplete region: disease just beyond the mask's edge stays visible."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.leaks import beyond_the_mask
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    return _CAUSE.flag(
        findings,
        beyond_the_mask(findings),
        yes="the model detects the label without the region, but not once the declared margin is "
        "hidden too: the masks may miss diseased parts",
        no="the model does not detect the label without the region, or hiding its margin makes no "
        "difference",
    )


_CAUSE = register_cause(
    Cause(
        name="roi-incomplete",
        checks=("R2", "C12"),
        words="the region as drawn may leave out diseased parts just beyond its edge",
        remedy="draw the region with a margin (card key roi_margin), or have the masks of sick "
        "patients checked",
        rank=4,
        rule=_rule,
    )
)
