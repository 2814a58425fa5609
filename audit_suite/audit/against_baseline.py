"""The findings on a release against the one before: a regression fails, like any other check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.audit.baseline_checks import REST, SKILL, TITLES
from audit_suite.audit.judge import judge
from audit_suite.audit.opening import Audit
from audit_suite.audit.policy import Policy
from audit_suite.audit.waivers import Waiver
from audit_suite.record import BaselineRecord, Change, Finding, Provenance, Role
from audit_suite.releases.compare import Losses, compare
from audit_suite.releases.side import Side
from audit_suite.report.places import Place
from audit_suite.statistics import Comparison, DecisionRule, Recorded
from audit_suite.verdict import Inconclusive, Verdict


@dataclass(frozen=True)
class _Case:
    check: str
    place: Place
    role: Role

    def planned(self) -> Finding:
        """The finding before it is judged."""
        model, dataset, target = self.place
        title, question = TITLES[self.check]
        return Finding.planned(
            check=self.check,
            id="/".join([self.check, *self.place]),
            title=title,
            model=model,
            dataset=dataset,
            target=target,
            case="",
            role=self.role,
            risk="releases",
            question=question,
            command="audit-suite diff OLD NEW",
        )


def against_baseline(
    audit: Audit, findings: Sequence[Finding], provenance: Provenance
) -> tuple[BaselineRecord | None, list[Finding]]:
    """Compare an audit with its baseline, if it has one.

    Args:
        audit: Policy, waivers, evidence and the baseline.
        findings: One per case.
        provenance: What was audited.

    Returns:
        The comparison, and what it adds to the findings.
    """
    if audit.baseline is None:
        return None, []
    stores, policy = [audit.source.store], audit.policy
    new = Side(findings, provenance, (policy.name, policy.digest()), stores)
    old = Side.of(audit.baseline, stores)
    baseline, losses = compare(audit.baseline, old, new, policy.baseline_margin)
    places = [(cell.model_name, cell.dataset.name, cell.target) for cell in audit.cells]
    return baseline, _findings(places, baseline, losses, policy, audit.waivers)


def _findings(
    places: Sequence[Place],
    baseline: BaselineRecord,
    losses: Losses,
    policy: Policy,
    waivers: Sequence[Waiver],
) -> list[Finding]:
    """Two findings for each place: on the skill, and on everything else.

    They fail where a loss beyond the margin is shown. What is not compared leaves them open, which
    keeps the gate shut only where the policy requires them.

    Args:
        places: Of the audit.
        baseline: The comparison.
        losses: What it judged.
        policy: Gives both their role.
        waivers: May accept a regression for a time.
    """
    findings = []
    for place in places:
        for check, by_place in ((SKILL, losses.skill), (REST, losses.others)):
            case = _Case(check, place, policy.role(check, place[2]))
            compared = by_place.get(place, [])
            recorded = Recorded(DecisionRule(baseline.alpha), comparisons=compared)
            findings.append(judge(case, _open(check, place, baseline, compared), recorded, waivers))
    return findings


def _open(
    check: str, place: Place, baseline: BaselineRecord, compared: Sequence[Comparison]
) -> Inconclusive | None:
    """Why a finding is open, whatever its comparisons say."""
    if any(loss.verdict is Verdict.FAIL for loss in compared):
        return None
    here = [change for change in baseline.changes if _is_at(change, place)]
    if not compared:
        why = next(iter(baseline.notes), "no check of the baseline can be compared")
        return Inconclusive(f"nothing is compared: {why}")
    lost = dict.fromkeys(c.check for c in here if c.kind == "lost" and c.regression)
    if check == REST and lost:
        return Inconclusive(f"answered in the baseline, and not now: {', '.join(lost)}")
    return None


def _is_at(change: Change, place: Place) -> bool:
    return (change.model, change.dataset, change.target) == place
