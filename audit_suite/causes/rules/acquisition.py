"""Acquisition: how the picture was made differs between sick and healthy, in the region too."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.cues import IMAGE, cues_of, in_words, outside_alone
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    image = cues_of(findings, IMAGE)
    beside = [name for name in image.named if outside_alone(image.findings[name])]
    cues = image.only([name for name in image.judged if name not in beside])
    largest = cues.largest()
    return _CAUSE.flag(
        findings,
        cues.holds if image.judged or image.undecided else "unknown",
        yes=f"more than a quarter of what separates the classes is explained by "
        f"{in_words(cues, cues.named)}, measured outside the region's box, and the box alone shown "
        f"is not shown to be free of it",
        no=f"of the skill that {' and '.join(beside)} explains, little shows where only the box is "
        f"shown: it lies beside the region"
        if beside
        else "every image property, and how the image looks outside the region's box, explains "
        "less than a quarter",
        cases=() if image.judged or image.undecided else ("acquisition",),
        effect=largest.effect if largest else None,
        estimates=[cues.judged[name].effect.share for name in cues.named]
        or ([largest.effect.share] if largest else []),
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
