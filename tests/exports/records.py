"""Sound records to export: the published example, and one whose gate is open."""

from __future__ import annotations

from report.example import example, example_policy, finding, judged

from audit_suite.audit.gate import count_verdicts, decide_by, missing_checks
from audit_suite.audit.policy import load_policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.audit.verify import contradictions
from audit_suite.record import Record

POLICY = load_policy()


def sound(findings, **changes) -> Record:
    """The example with other findings: roles, gate, counts and digest follow from them."""
    for each in findings:
        each.role = POLICY.role(each.check, each.target)
    record, policy = example(), example_policy(findings)
    used = [each for each in policy.waivers if any(f.waiver for f in findings)]
    policy = policy.model_copy(
        update={
            "missing": missing_checks(findings, policy.required, policy.asked),
            "waivers": used,
            "deviations": [],
        }
    )
    gate = decide_by(findings, policy)
    record = record.model_copy(
        update={
            "findings": findings,
            "policy": policy,
            "counts": count_verdicts(findings),
            "decision": gate.decision,
            "decision_reason": gate.reason,
            "targets": target_decisions(findings, policy, {}),
            **changes,
        }
    )
    record.digest = record.content_digest()
    assert not list(contradictions(record))
    return record


def passing() -> list:
    """Findings with which the gate is open."""
    full = judged("AUROC", 0.861, 0.021, ">", 0.8)
    kept = judged("share of skill kept without ROI box", 0.02, 0.06, "<", 0.25, centre=0.0)
    good = judged("share of masks that look inverted", 0.0, 0.001, "<", 0.05)
    return [
        finding("R1", "pass", [full], title="skill is shown"),
        finding("R8-box", "pass", [kept], title="no skill without the box"),
        *(finding(check, "pass", [good], title=check) for check in ("C14", "R5", "R13")),
    ]


def opened(*more, **changes) -> Record:
    """A record whose gate is open, with further findings."""
    record = sound([*passing(), *more], **changes)
    assert record.decision == "open"
    return record
