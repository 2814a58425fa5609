"""Masking artefact: hiding parts of the image in itself disturbs the model."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.chance import NEGLIGIBLE
from audit_suite.causes.findings_at import FindingsAt, verdict_of
from audit_suite.causes.leaks import beyond_the_mask, outline_is_read
from audit_suite.causes.logic import Holds, all_of, any_of, not_
from audit_suite.record import CauseFlag
from audit_suite.verdict import Verdict


def _rule(findings: FindingsAt) -> CauseFlag:
    # Each fill leaves a different trace of the outline and of what lies beyond the mask.
    leaks = any_of(outline_is_read(findings), beyond_the_mask(findings))
    disturbed = all_of(_any_hole_costs_skill(findings), not_(findings.detects_label("R2")))
    matters = any_of(findings.fails("C6"), disturbed)
    return _CAUSE.flag(
        findings,
        all_of(not_(leaks), matters),
        yes="the fill of the region changes the result, or a hole elsewhere costs as much skill as "
        "one in the region",
        no="the fills differ because each leaves a different trace of a leaking mask, or of a mask "
        "drawn too small"
        if leaks == "yes"
        else "the fill makes no difference, and holes elsewhere cost less",
        lacks=_leak_unknown(findings) if leaks == "unknown" and matters == "yes" else "",
    )


def _leak_unknown(findings: FindingsAt) -> str:
    needs = findings.missing("C1", "C3", "C12") or "C1, C3 and C12 on more patients"
    return f"whether the differences between fills come from a leaking mask ({needs})"


def _any_hole_costs_skill(findings: FindingsAt) -> Holds:
    """Whether a hole elsewhere costs skill, and as much as one in the region.

    Where each of the two takes all skill neither costs more, and C5 itself cannot fail.
    """
    decided = (f for f in findings.of("C5") if f.comparisons and f.observations)
    if (finding := next(decided, None)) is None:
        return "unknown"
    ahead, lost = finding.comparisons[0].estimate, finding.observations[0]
    if lost.low > NEGLIGIBLE and ahead.high < NEGLIGIBLE:
        return "yes"
    passed = verdict_of(finding) is Verdict.PASS
    return "no" if passed or lost.high < NEGLIGIBLE else "unknown"


_CAUSE = register_cause(
    Cause(
        name="masking-artefact",
        checks=("C6", "C5", "R2"),
        also_reads=("C1", "C3", "C12"),
        words="covering parts of the image disturbs the model, so results on covered images need "
        "care",
        remedy="show the model masked images in training, or trust the checks that need no "
        "hole (R13, R14)",
        rank=8,
        rule=_rule,
    )
)
