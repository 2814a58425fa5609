"""What masking cannot reveal: a property used all over the image, or a signal without a cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.causes.chance import off_chance
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds
from audit_suite.record import CauseFlag

UNDETERMINED = "undetermined"

_FOLLOWS = 0.05  # mean rank correlation within the classes beyond which a score follows a property
_SURELY = 3.0  # standard errors that mean must be off 0: a dozen properties and tags are looked at
_INTERVAL = 2 * 1.96  # standard errors across a 95 % interval


def undetermined(findings: FindingsAt, signal: Holds, flags: Sequence[CauseFlag]) -> CauseFlag:
    """The flag of a property that the model uses all over the image, or of an unexplained signal.

    Args:
        findings: All findings of the place.
        signal: Whether the model detects the label without the region.
        flags: The flags of the named causes.
    """
    # A cue that lies outside the region alone is missing when only the region is shown (R5).
    everywhere = signal != "yes" or findings.fails("R5") == "no"
    if everywhere and (used := sorted(_used_properties(findings))):
        return _used_everywhere(findings, used)
    if signal != "yes":
        return CauseFlag(
            cause=UNDETERMINED,
            holds="no",
            because="no tag or image property predicts the label and also moves the score among "
            "patients of one class",
            settles="",
            estimates=[],
        )
    if any(flag.holds == "yes" for flag in flags):
        return CauseFlag(
            cause=UNDETERMINED, holds="no", because="a cause is named", settles="", estimates=[]
        )
    unknown = [f"{flag.cause} ({flag.settles})" for flag in flags if flag.holds == "unknown"]
    return CauseFlag(
        cause=UNDETERMINED,
        holds="yes",
        because="the model detects the label without the region, and none of the causes above is "
        "shown to hold",
        settles="; ".join(unknown) or "a reader who looks at the masked images",
        estimates=findings.estimates("R2", "R3"),
    )


def _used_everywhere(findings: FindingsAt, used: Sequence[str]) -> CauseFlag:
    return CauseFlag(
        cause=UNDETERMINED,
        holds="yes",
        because=f"{', '.join(used)} {'predicts' if len(used) == 1 else 'predict'} the label, and "
        f"the model's score follows among patients with and without the finding, whether the "
        f"region is shown or hidden: hiding a region can neither remove what reaches every pixel "
        f"nor identify what lies inside the region",
        settles="images of one scanner and protocol, the same patients imaged both ways, or a "
        "reader who looks at the region",
        estimates=[
            estimate
            for finding in findings.of("M3")
            for estimate in finding.observations
            if str(estimate.at.get("property")) in used
        ],
    )


def _used_properties(findings: FindingsAt) -> Iterator[str]:
    """Properties and tags that predict the label and that the score follows in both classes.

    The score must follow in the direction that predicts the label: by `_SURELY` standard errors
    over both classes together, and by one in each. Where a shortcut agrees with nearly every label,
    few patients of one class differ in it.
    """
    for finding in findings.of("M3"):
        predicting = [e for e in finding.observations if "among" not in e.at]
        following = [e for e in finding.observations if "among" in e.at]
        if not predicting or len(following) < 2 or not off_chance(predicting[0]):
            continue
        side = 1 if predicting[0].value > 0.5 else -1
        values = [side * e.value for e in following]
        errors = [(e.high - e.low) / _INTERVAL for e in following]
        total_error = sum(error**2 for error in errors) ** 0.5
        in_each = all(value > error for value, error in zip(values, errors, strict=True))
        if in_each and sum(values) > max(len(following) * _FOLLOWS, _SURELY * total_error):
            yield str(predicting[0].at["property"])
