"""What no masking can find: properties told and used everywhere, and signals without a cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audit_suite.causes.said import Holds, Said
from audit_suite.causes.words import UNDETERMINED
from audit_suite.record import CauseFlag, EstimateRecord

TELLS = 0.05  # distance of an AUROC to .5 beyond which a tag or property tells the label
_FOLLOWS = 0.05  # mean rank correlation within the classes beyond which a score follows it
_SURELY = 3.0  # standard errors that mean must be off 0: a dozen properties and tags are looked at
_INTERVAL = 2 * 1.96  # standard errors across a 95 % interval


def undetermined(said: Said, signal: Holds, flags: Sequence[CauseFlag]) -> CauseFlag:
    """A signal without a cause that holds, or a property that is encoded and used everywhere.

    Args:
        said: What the checks said.
        signal: Whether the label is told without the region.
        flags: The causes that have a name.
    """
    # What lies outside the region alone is missing when the region is all that is shown.
    everywhere = signal != "yes" or said.verdict("R5") == "no"
    if everywhere and (used := sorted(_used(said))):
        return CauseFlag(
            cause=UNDETERMINED,
            holds="yes",
            because=f"{', '.join(used)} {'tells' if len(used) == 1 else 'tell'} the label, and the "
            f"model's score follows among patients with and without the finding, whether the "
            f"region is shown or hidden: hiding a region cannot remove what reaches every pixel, "
            f"nor tell apart what lies inside it",
            settles="images of one scanner and protocol, the same patients taken both ways, or a "
            "reader who looks at the region",
            estimates=[
                e
                for f in said.of("M3")
                for e in f.observations
                if str(e.at.get("property")) in used
            ],
        )
    if signal != "yes":
        return CauseFlag(
            cause=UNDETERMINED,
            holds="no",
            because="no tag or image property tells the label and moves the score among equals",
            settles="",
            estimates=[],
        )
    named = any(flag.holds == "yes" for flag in flags)
    open_ = [f"{flag.cause} ({flag.settles})" for flag in flags if flag.holds == "unknown"]
    return CauseFlag(
        cause=UNDETERMINED,
        holds="no" if named else "yes",
        because="a cause is named"
        if named
        else "the label is told without the region, and none of the causes above is shown to hold",
        settles="" if named else "; ".join(open_) or "a reader who looks at the masked images",
        estimates=[] if named else said.estimates("R2", "R3"),
    )


def _used(said: Said) -> Iterable[str]:
    """Properties and tags that tell the label and that the score follows among equals.

    In the direction in which it tells, surely over both classes together and likely in either:
    where a shortcut agrees with nearly every label few patients of one class differ in it.
    """
    for finding in said.of("M3"):
        told = [e for e in finding.observations if "among" not in e.at]
        follow = [e for e in finding.observations if "among" in e.at]
        if not told or len(follow) < 2 or not tells_label(told[0]):
            continue
        side = 1 if told[0].value > 0.5 else -1
        values = [side * e.value for e in follow]
        errors = [(e.high - e.low) / _INTERVAL for e in follow]
        both = sum(error**2 for error in errors) ** 0.5
        either = all(value > error for value, error in zip(values, errors, strict=True))
        if either and sum(values) > max(len(follow) * _FOLLOWS, _SURELY * both):
            yield str(told[0].at["property"])


def tells_label(estimate: EstimateRecord) -> bool:
    """Whether an AUROC is shown to lie off one half, on either side."""
    return estimate.low > 0.5 + TELLS or estimate.high < 0.5 - TELLS
