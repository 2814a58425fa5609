"""Explained by metadata: the score follows a tag of the acquisition or the patient."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.cues import TAGS, cues_of, in_words
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    tags = cues_of(findings, TAGS)
    known = bool(tags.judged or tags.undecided)
    largest = tags.largest()
    return _CAUSE.flag(
        findings,
        tags.holds if known else "unknown",
        yes=f"more than a quarter of what separates the classes is explained by "
        f"{in_words(tags, tags.named)}: the score follows it among patients of one class",
        no="every declared tag explains less than a quarter of what separates the classes",
        effect=largest.effect if largest else None,
        estimates=[tags.judged[name].effect.share for name in tags.named]
        or ([largest.effect.share] if largest else []),
    )


_CAUSE = register_cause(
    Cause(
        name="explained-by-metadata",
        checks=(TAGS,),
        words="the cue is tied to how or where the image was taken, or to who the patient is",
        remedy="balance the tag over the classes in the training data, test on one site or "
        "protocol alone, and train again",
        rank=6,
        rule=_rule,
    )
)
