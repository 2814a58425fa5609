"""Framing: where the region lies in the picture gives the label away."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import all_of
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    return _CAUSE.flag(
        findings,
        all_of(findings.fails("C1", "position"), findings.fails("C11")),
        yes="the region's position in the frame predicts the label, and the model's skill changes "
        "when all regions are moved to one place",
        no="the region's position does not predict the label, or moving the region changes nothing",
        cases=("position",),
    )


_CAUSE = register_cause(
    Cause(
        name="framing",
        checks=("C1", "C11"),
        words="sick and healthy are framed differently, and the model reads where the region lies "
        "in the picture",
        remedy="place the region alike in every image (crop or centre by a rule blind to the "
        "label), in training data and in use, and train again",
        rank=3,
        rule=_rule,
    )
)
