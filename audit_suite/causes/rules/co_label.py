"""Co-label: the model reads another finding that comes with the target."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.chance import at_chance, detected
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds, all_of
from audit_suite.record import CauseFlag, Finding


def _rule(findings: FindingsAt) -> CauseFlag:
    labels = _other_findings(findings)
    kept = findings.share_kept()
    small = kept is not None and kept.holds == "no"
    gone = [name for name, among in labels.items() if _gone(findings, among) == "yes"]
    stays = labels and all(_gone(findings, among) == "no" for among in labels.values())
    vanishes: Holds = "yes" if gone else "no" if stays else "unknown"
    holds = all_of(findings.detects_label("R2", "R3"), vanishes)
    return _CAUSE.flag(
        findings,
        "no" if small else holds,
        yes=f"among patients equal in {' or in '.join(gone)}, the model does not detect the label "
        f"without the region",
        no="less than a quarter of the skill is left with the region's box hidden"
        if small
        else "the model does not detect the label without the region, or another finding does not "
        "explain what it detects",
        cases=[among.case for among in labels.values()] or [""],
        lacks="" if labels else "labels of other findings",
        effect=kept.effect if kept is not None and holds == "yes" else None,
    )


def _other_findings(findings: FindingsAt) -> dict[str, Finding]:
    """The findings of C10 among patients equal in another finding, by its name.

    Those without enough patients to compare are among them.
    """
    tags = {finding.case for finding in findings.of("M3")}
    chosen = {}
    for among in findings.of("C10"):
        if among.comparisons:
            at = among.comparisons[0].estimate.at
            name, is_label = str(at.get("stratum", "")), at.get("kind") == "target"
        else:  # nothing was compared, and nothing is recorded but the name
            name = among.case.removesuffix("-without-roi")
            is_label = name not in tags
        if is_label and name not in ("nothing", among.target):
            chosen[name] = among
    return chosen


def _gone(findings: FindingsAt, among: Finding) -> Holds:
    """Whether a signal is shown to be at chance among equals, and is detected under no fill there.

    Only fills under which the model detects the label in all patients have a signal to lose. Where
    another finding and the label always go together there are no equals, and it stays unknown.
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


_CAUSE = register_cause(
    Cause(
        name="co-label",
        checks=("R2", "R3", "C10"),
        also_reads=("M3", "R8-box"),
        words="the model reads another finding that often comes with it",
        remedy="balance the accompanying finding in the training data, or declare its region "
        "too, and audit the finding among patients without the other",
        rank=5,
        rule=_rule,
    )
)
