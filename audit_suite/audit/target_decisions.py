"""The decision by target, as the record holds it: open for one finding, undecided for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit_suite.audit.gate import decide_targets
from audit_suite.audit.zones import skill_kept
from audit_suite.record import Finding, PolicyRecord, TargetDecision
from audit_suite.report.places import Place, by_place
from audit_suite.report.unfit import patients_decide


def target_decisions(
    findings: Sequence[Finding], policy: PolicyRecord, needed: Mapping[Place, str]
) -> list[TargetDecision]:
    """One decision for each model, data set and target.

    Args:
        findings: As the record holds them.
        policy: What had to be shown.
        needed: How many patients would decide a place, in words, where that was forecast.
    """
    here = by_place(findings)
    return [
        TargetDecision(
            model=place[0],
            dataset=place[1],
            target=place[2],
            primary=primary,
            decision=gate.decision,
            reason=gate.reason,
            kept=skill_kept(here.get(place, []), policy.content.get("main", [])),
            needed=needed.get(place, "")
            if gate.decision == "undecided" and patients_decide(here.get(place, []))
            else "",
        )
        for place, primary, gate in decide_targets(findings, policy)
    ]
