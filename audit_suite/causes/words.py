"""What the flags mean to a clinician, in one sentence that never says more than the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.causes.cues import (
    IMAGE,
    TAGS,
    cues_of,
    in_numbers,
    looks_of,
    unplaced,
    within_the_finding,
)
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds, all_of, not_
from audit_suite.causes.undetermined import UNDETERMINED
from audit_suite.record import CauseFlag
from audit_suite.registry import CAUSES

_UNDETERMINED = "the model detects it without the region, by a cue that no check identifies"


def sentence(target: str, findings: FindingsAt, signal: Holds, flags: Sequence[CauseFlag]) -> str:
    """One sentence for a clinician; it says only what was asked.

    A named cause is a check that is not passed, so it never stands beside an open gate; without
    one, the sentence says how much is left without the region, and what contributes.

    Args:
        target: What the model detects.
        findings: All findings of the place.
        signal: Whether it detects the target without the region.
        flags: The flags of all causes, whether they hold or not.
    """
    place = unplaced(looks_of(findings))
    named = list(_named([flag for flag in flags if not (place and flag.cause == UNDETERMINED)]))
    if place:
        named.append(f"the model follows a cue of the image, and it is not known {place}")
    clauses = named or [*_left(findings, signal), *_cues(findings)]
    return f"On {target}: {'; and '.join([*clauses, *_contributing(flags)])}."


def _named(flags: Sequence[CauseFlag]) -> Iterator[str]:
    for flag in flags:
        if flag.holds == "yes":
            words = _UNDETERMINED if flag.cause == UNDETERMINED else CAUSES[flag.cause].words
            effect = flag.effect
            yield words + (f" ({in_numbers(effect.share)} {effect.of})" if effect else "")


def _left(findings: FindingsAt, signal: Holds) -> Iterator[str]:
    kept = findings.share_kept()
    if kept is not None and kept.holds == "no":
        share = in_numbers(kept.effect.share)
        yield f"with the region's box hidden, less than a quarter of the skill is left ({share})"
    elif signal == "no":
        yield "with the region hidden, the model does not detect it"
    elif findings.asked("R2", "R3", "R8-box"):
        yield "these data do not show what the model reads outside the region"


def _cues(findings: FindingsAt) -> Iterator[str]:
    asked = [
        check for check in (TAGS, IMAGE) if (c := cues_of(findings, check)).judged or c.undecided
    ]
    small = all_of(*(not_(cues_of(findings, check).holds) for check in asked))
    kinds = {TAGS: "declared tag", IMAGE: "image property"}
    what = " or ".join(kinds[check] for check in asked)
    if asked and small == "yes":
        yield f"no {what} explains as much as a quarter of the skill"
    elif asked and small == "unknown":
        yield f"whether any {what} explains as much as a quarter of the skill is not known"
    for share in within_the_finding(findings):
        yield (
            f"{share.at['cue']} where the finding itself lies explains {in_numbers(share)} of what "
            f"separates the classes, so a reader must look whether a device is there"
        )


def _contributing(flags: Sequence[CauseFlag]) -> Iterator[str]:
    for flag in flags:
        effect = flag.effect
        if effect is not None and effect.contributes and flag.holds != "yes":
            cue = effect.share.at.get("cue")
            if cue is not None:
                yield f"{cue} contributes ({in_numbers(effect.share)} {effect.of})"
