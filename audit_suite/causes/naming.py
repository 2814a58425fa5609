"""From findings to named causes: independent flags, of which several may hold.

A cause is an association that the data support, not a proof. Each flag is a rule on results that
have an error level of their own; where a result is missing or inconclusive the flag is unknown, and
says what would settle it. A cause none of whose checks was asked has no flag, and it is not unknown
where only those were asked that several causes share.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.causes.cues import IMAGE, TAGS
from audit_suite.causes.effect import joint_p
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.undetermined import UNDETERMINED, undetermined
from audit_suite.causes.words import sentence
from audit_suite.record import CauseFlag, CausesRecord, Finding
from audit_suite.registry import CAUSES, SHIPPED
from audit_suite.statistics import holm
from audit_suite.verdict import Inconclusive, NotApplicable

_HIDING = ("R2", "R3", "C4")
_SHARED = ("R2", "R3")  # that the label is detected without the region is a part of several causes
_WITHOUT_MASKS = (TAGS, IMAGE)  # poor masks do not change what these measure


def name_causes(findings: Sequence[Finding]) -> list[CausesRecord]:
    """Name the causes of each model, data set and target.

    Args:
        findings: All findings of an audit.

    Returns:
        One record per place at which the region was hidden or the share of a cue was judged; its
        ``causes`` are the flags that hold.

    Raises:
        AuditError: If the rule of an extension's cause raises or does not return its flag.
    """
    places: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        places.setdefault((finding.model, finding.dataset, finding.target), []).append(finding)
    deciding = (*_HIDING, TAGS, IMAGE)
    corrected = _corrected(findings)
    return [
        _causes_at(place, FindingsAt(here, corrected))
        for place, here in places.items()
        if any(finding.check in deciding and finding.comparisons for finding in here)
    ]


def _corrected(findings: Sequence[Finding]) -> dict[str, float]:
    """P values of cues' shares by finding, Holm-adjusted over cues and targets of a model."""
    families: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.check in (TAGS, IMAGE) and finding.comparisons:
            families.setdefault((finding.model, finding.dataset), []).append(finding)
    return {
        finding.id: p_value
        for family in families.values()
        for finding, p_value in zip(
            family, holm([joint_p(finding.comparisons) for finding in family]), strict=True
        )
    }


def _causes_at(place: tuple[str, str, str], findings: FindingsAt) -> CausesRecord:
    model, dataset, target = place
    signal = findings.detects_label("R2", "R3")
    flags = [_flag_of(name, findings) for name in sorted(CAUSES, key=_order)]
    flags = [f for f in flags if f.holds == "yes" or findings.asked(*CAUSES[f.cause].checks)]
    if findings.fails("C13", "quality") == "yes":
        flags = [_doubted(flag) for flag in flags]
    if findings.asked("R2", "R3"):
        flags.append(undetermined(findings, signal, flags))
    flags = [flag for flag in flags if flag.holds != "unknown" or _is_own_asked(flag, findings)]
    return CausesRecord(
        model=model,
        dataset=dataset,
        target=target,
        causes=[flag.cause for flag in flags if flag.holds == "yes"],
        flags=flags,
        sentence=sentence(target, findings, signal, flags),
    )


def _is_own_asked(flag: CauseFlag, findings: FindingsAt) -> bool:
    """Whether a check was asked that decides this cause more than others."""
    if flag.cause == UNDETERMINED:
        return True
    checks = CAUSES[flag.cause].checks
    return findings.asked(*([check for check in checks if check not in _SHARED] or checks))


def _order(name: str) -> tuple[bool, int, str]:
    return CAUSES.origin(name) != SHIPPED, CAUSES[name].rank, name


def _flag_of(name: str, findings: FindingsAt) -> CauseFlag:
    try:
        with CAUSES.blaming(name):
            flag = CAUSES[name].rule(findings)
    except (Inconclusive, NotApplicable) as error:  # verdicts are of checks; a rule has none
        raise CAUSES.misbehaved(name, f"raised {type(error).__name__}: {error}") from error
    if not isinstance(flag, CauseFlag) or flag.cause != name:
        raise CAUSES.misbehaved(name, f"returned {flag!r}, not its own CauseFlag")
    return flag


def _doubted(flag: CauseFlag) -> CauseFlag:
    """A flag that rests on masks whose quality differs between sick and healthy: unknown."""
    if flag.holds != "yes" or set(CAUSES[flag.cause].checks) <= set(_WITHOUT_MASKS):
        return flag
    because = (
        "the masks' quality differs between sick and healthy (C13), and so does what they hide"
    )
    settles = "masks of equal quality for sick and healthy"
    return flag.model_copy(update={"holds": "unknown", "because": because, "settles": settles})
