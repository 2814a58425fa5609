"""Background shortcut: the label shows outside the region, whatever the outline of the hole."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.cues import IMAGE, in_words, looks_of, unplaced
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import all_of, any_of
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    image = looks_of(findings)
    beside = image.placed("beside")
    kept = findings.share_kept()
    signal = all_of(findings.detects_label("R2", "R3"), findings.detects_label("C4"))
    hidden = signal if kept is None else all_of(signal, kept.holds)
    if findings.fails("C12") == "no":  # all of the signal lies just beyond the mask
        hidden = "no"
    if hidden == "yes" or not beside:
        undecided = signal == "yes" and kept is not None and kept.holds == "unknown"
        small = signal == "yes" and kept is not None and kept.holds == "no"
        open_place = unplaced(image)
        needs = ["R8-box on more patients" if undecided else "", open_place]
        return _CAUSE.flag(
            findings,
            any_of(hidden, "unknown") if open_place else hidden,
            yes="the model detects the label without the region, and also when the same area is "
            "hidden in all images, so that no outline can give the label away",
            no="less than a quarter of the skill is left with the region's box hidden"
            if small
            else "the model does not detect the label with the region hidden, with its margin "
            "hidden as well, or with the same area hidden in all images",
            lacks="; ".join(filter(None, needs)),
            effect=kept.effect if kept is not None else None,
        )
    chosen = image.only(beside)
    return _CAUSE.flag(
        findings,
        "yes",
        yes=f"more than a quarter of what separates the classes is explained, outside the region's "
        f"box, by {in_words(chosen, beside)}, and less with the box alone shown",
        no="",
        effect=chosen.judged[beside[0]].effect,
        estimates=[chosen.judged[name].effect.share for name in beside],
    )


_CAUSE = register_cause(
    Cause(
        name="background-shortcut",
        checks=("R2", "R3", "C4"),
        also_reads=("C12", "R8-box", IMAGE),
        words="the model recognises it from parts of the image outside the region where a reader "
        "would look",
        remedy="find the cue on the masked images, crop it or paint over it in training data "
        "and in use (markers, text, borders), balance it over the classes, and train "
        "again",
        rank=1,
        rule=_rule,
    )
)
