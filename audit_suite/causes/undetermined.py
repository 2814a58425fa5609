"""A signal outside the region that no named cause explains."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds
from audit_suite.record import CauseFlag

UNDETERMINED = "undetermined"


def undetermined(findings: FindingsAt, signal: Holds, flags: Sequence[CauseFlag]) -> CauseFlag:
    """The flag of an unexplained signal.

    Args:
        findings: All findings of the place.
        signal: Whether the model detects the label without the region.
        flags: The flags of the named causes.
    """
    kept = findings.share_kept()
    effect = kept.effect if kept is not None else None
    deciding = findings.estimates("R2", "R3")
    if signal == "unknown":
        settles = findings.missing("R2", "R3") or "R2, R3 on more patients"
        return _flag("unknown", because=settles, settles=settles)
    if signal == "no":
        return _flag("no", "the model does not detect the label without the region")
    if kept is not None and kept.holds == "no":
        because = "less than a quarter of the skill is left with the region's box hidden"
        return _flag("no", because).model_copy(update={"effect": effect})
    if any(flag.holds == "yes" for flag in flags):
        return _flag("no", "a cause is named")
    unknown = [f"{flag.cause} ({flag.settles})" for flag in flags if flag.holds == "unknown"]
    return CauseFlag(
        cause=UNDETERMINED,
        holds="yes",
        because="the model detects the label without the region, and no cause is shown to explain "
        "it",
        settles="; ".join(unknown) or "a reader who looks at the masked images",
        estimates=deciding,
        effect=effect,
    )


def _flag(holds: Holds, because: str, settles: str = "") -> CauseFlag:
    return CauseFlag(
        cause=UNDETERMINED, holds=holds, because=because, settles=settles, estimates=[]
    )
