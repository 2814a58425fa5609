"""What no named cause explains: a signal outside the region, or a cue whose place is not known."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.causes.cues import IMAGE, looks_of, unplaced, within_the_finding
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds
from audit_suite.record import CauseFlag, Effect, EstimateRecord

UNDETERMINED = "undetermined"


def undetermined(findings: FindingsAt, signal: Holds, flags: Sequence[CauseFlag]) -> CauseFlag:
    """The flag of an unexplained signal.

    Args:
        findings: All findings of the place.
        signal: Whether the model detects the label without the region.
        flags: The flags of the named causes.
    """
    kept = findings.share_kept()
    named = any(flag.holds == "yes" for flag in flags)
    small = kept is not None and kept.holds == "no"
    image = looks_of(findings)
    if not named and (place := unplaced(image)):
        shares = [image.judged[name].effect for name in image.placed("unknown")]
        return _flag(
            "yes",
            f"a cue explains more than a quarter of what separates the classes, and it is not "
            f"known {place}",
            settles=f"{IMAGE} on more patients",
            estimates=[one.share for one in shares],
            effect=shares[0],
        )
    if signal == "unknown":
        settles = findings.missing("R2", "R3") or "R2, R3 on more patients"
        return _flag("unknown", because=settles, settles=settles)
    if signal == "yes" and not small and not named:
        unknown = [f"{flag.cause} ({flag.settles})" for flag in flags if flag.holds == "unknown"]
        return _flag(
            "yes",
            "the model detects the label without the region, and no cause is shown to explain it",
            settles="; ".join(unknown) or "a reader who looks at the masked images",
            estimates=findings.estimates("R2", "R3"),
            effect=kept.effect if kept is not None else None,
        )
    if not named and (within := within_the_finding(findings)):
        names = " and ".join(str(share.at["cue"]) for share in within)
        return _flag(
            "unknown",
            f"{names}, measured where the finding itself may move it, explains more than a quarter "
            f"of what separates the classes: it is the finding, or a device that lies on it",
            settles="a reader who looks at the region, or a tag that names the device",
            estimates=within,
        )
    if named:
        return _flag("no", "a cause is named")
    if signal == "yes":
        return _flag("no", "less than a quarter of the skill is left with the region's box hidden")
    return _flag("no", "the model does not detect the label without the region")


def _flag(
    holds: Holds,
    because: str,
    settles: str = "",
    estimates: Sequence[EstimateRecord] = (),
    effect: Effect | None = None,
) -> CauseFlag:
    return CauseFlag(
        cause=UNDETERMINED,
        holds=holds,
        because=because,
        settles=settles,
        estimates=list(estimates),
        effect=effect,
    )
