"""Acquisition: how the picture was made differs between sick and healthy, in the region too."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.cues import IMAGE, in_words, looks_of, unplaced
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import any_of
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    image = looks_of(findings)
    beside, throughout = image.placed("beside"), image.placed("throughout")
    open_place = image.placed("unknown")
    cues = image.only(throughout or [name for name in image.judged if name not in image.named])
    holds = cues.holds if image.judged or image.undecided else "unknown"
    largest = cues.largest()
    explaining = [image.judged[name].effect for name in throughout or open_place]
    shown = explaining or ([largest.effect] if largest else [])
    return _CAUSE.flag(
        findings,
        any_of(holds, "unknown") if open_place else holds,
        yes=f"more than a quarter of what separates the classes is explained by "
        f"{in_words(image, throughout)}, measured outside the region's box, and it shows with the "
        f"box alone too",
        no=f"of the skill that {' and '.join(beside)} explains, little shows where only the box is "
        f"shown: it lies beside the region"
        if beside
        else "every image property, and how the image looks outside the region's box, explains "
        "less than a quarter",
        cases=() if image.judged or image.undecided else ("acquisition",),
        lacks=unplaced(image),
        effect=largest.effect if largest and (throughout or not open_place) else None,
        estimates=[effect.share for effect in shown],
    )


_CAUSE = register_cause(
    Cause(
        name="acquisition",
        checks=(IMAGE,),
        words="the cue is how the picture was made (exposure, noise, processing), which shows in "
        "the region too, so that hiding parts of the image cannot remove it",
        remedy="bring exposure, noise and processing of both classes into line, take sick and "
        "healthy from the same scanners, and train again",
        rank=7,
        rule=_rule,
    )
)
