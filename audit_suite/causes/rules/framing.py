"""Framing: where the region lies in the picture gives the label away."""

from __future__ import annotations

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.cues import IMAGE, POSITION, cues_of, in_numbers
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import all_of
from audit_suite.record import CauseFlag


def _rule(findings: FindingsAt) -> CauseFlag:
    share = cues_of(findings, IMAGE).judged.get(POSITION)
    if share is not None and share.holds != "unknown":
        return _CAUSE.flag(
            findings,
            share.holds,
            yes=f"more than a quarter of what separates the classes is explained by where the "
            f"region lies in the frame ({in_numbers(share.effect.share)}): the score follows it "
            f"among patients of one class",
            no=f"where the region lies in the frame explains less than a quarter of what separates "
            f"the classes ({in_numbers(share.effect.share)})",
            effect=share.effect,
            estimates=[share.effect.share],
        )
    moves = all_of(findings.fails("C1", "position"), findings.fails("C11"))
    return _CAUSE.flag(
        findings,
        moves,
        yes="the region's position in the frame predicts the label, and the model's skill changes "
        "when all regions are moved to one place",
        no="the region's position does not predict the label, or moving the region changes nothing",
        cases=("position",),
        effect=share.effect if share is not None and moves != "yes" else None,
    )


_CAUSE = register_cause(
    Cause(
        name="framing",
        checks=("C1", "C11"),
        also_reads=(IMAGE,),
        words="sick and healthy are framed differently, and the model reads where the region lies "
        "in the picture",
        remedy="place the region alike in every image (crop or centre by a rule blind to the "
        "label), in training data and in use, and train again",
        rank=3,
        rule=_rule,
    )
)
