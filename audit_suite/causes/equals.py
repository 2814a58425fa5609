"""Whether a signal outside the region is gone among patients equal in a tag or another finding."""

from __future__ import annotations

from collections.abc import Mapping

from audit_suite.causes.cause import Cause
from audit_suite.causes.chance import at_chance, detected
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds, all_of
from audit_suite.record import CauseFlag, Finding


def strata(findings: FindingsAt) -> dict[str, Finding]:
    """The findings of C10 by stratum: the tag or finding in which the compared patients are equal.

    Strata without enough patients to compare are among them.
    """
    by_name = {
        axis_of(f, "stratum") if f.comparisons else f.case.removesuffix("-without-roi"): f
        for f in findings.of("C10")
    }
    return {name: f for name, f in by_name.items() if name not in ("nothing", f.target)}


def axis_of(finding: Finding, axis: str) -> str:
    """Where the first compared estimate of a finding stands on an axis; empty if on none."""
    return str(finding.comparisons[0].estimate.at.get(axis, ""))


def vanishing(
    cause: Cause, findings: FindingsAt, chosen: Mapping[str, Finding], lacks: str, no: str
) -> CauseFlag:
    """The flag of a cause that holds where a signal vanishes among equals.

    Where a tag and the label always go together there are no equals to compare, and the flag stays
    unknown. So it does where data are lacking that would have to be compared.

    Args:
        cause: Whose flag it is.
        findings: What the rule reads.
        chosen: Findings of C10 that could explain the signal, by stratum.
        lacks: Data that are lacking; empty if none are.
        no: Why the cause does not hold, where it does not.
    """
    gone = [name for name, among in chosen.items() if _gone(findings, among) == "yes"]
    stays = not lacks and all(_gone(findings, among) == "no" for among in chosen.values())
    vanishes: Holds = "yes" if gone else "no" if stays else "unknown"
    return cause.flag(
        findings,
        all_of(findings.detects_label("R2", "R3"), vanishes),
        yes=f"among patients equal in {' or in '.join(gone)}, the model is at chance without the "
        f"region",
        no=no,
        cases=[among.case for among in chosen.values()] or [""],
        lacks=lacks,
    )


def _gone(findings: FindingsAt, among: Finding) -> Holds:
    """Whether a signal is shown to be at chance among equals, and is detected under no fill there.

    Only fills under which the model detects the label in all patients have a signal to lose.
    """
    if any(detected(comparison) for comparison in among.comparisons):
        return "no"
    fills = {
        comparison.estimate.at.get("masking")
        for check in ("R2", "R3")
        for finding in findings.of(check)
        for comparison in finding.comparisons
        if detected(comparison)
    }
    compared = [c for c in among.comparisons if c.estimate.at.get("masking") in fills]
    return "yes" if any(at_chance(comparison) for comparison in compared) else "unknown"
