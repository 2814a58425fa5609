"""The findings of one place: one model, one data set, one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.causes.chance import detected
from audit_suite.causes.logic import Holds
from audit_suite.record import EstimateRecord, Finding
from audit_suite.verdict import Verdict, worst


@dataclass(frozen=True)
class FindingsAt:
    """The findings of one model on one data set and target, as a cause's rule reads them."""

    findings: Sequence[Finding]

    def of(self, check: str) -> list[Finding]:
        """The findings of a check, its cases in order."""
        return [finding for finding in self.findings if finding.check == check]

    def fails(self, check: str, *cases: str) -> Holds:
        """Whether a check failed (``yes``), passed (``no``), or did neither.

        Args:
            check: Its id.
            *cases: Cases to look at, all of them if none is named. One that fails is enough for
                ``yes``; all must pass for ``no``.
        """
        chosen = [f for f in self.of(check) if not cases or f.case in cases]
        verdicts = [verdict_of(finding) for finding in chosen if finding.comparisons]
        if Verdict.FAIL in verdicts:
            return "yes"
        passed = verdicts and all(verdict is Verdict.PASS for verdict in verdicts)
        return "no" if passed else "unknown"

    def detects_label(self, *checks: str) -> Holds:
        """Whether the model detects the label under some fill, or is at chance under all.

        A constant fill adds nothing about the label to an image. What the model detects under one
        fill is therefore in the images, even if it is at chance under another; a gate asks for
        more.

        Args:
            *checks: Ids of checks that compare one fill each with chance; any may detect it.
        """
        compared = [f for check in checks for f in self.of(check) if f.comparisons]
        if any(detected(comparison) for finding in compared for comparison in finding.comparisons):
            return "yes"
        passed = compared and all(verdict_of(finding) is Verdict.PASS for finding in compared)
        return "no" if passed else "unknown"

    def estimates(self, *checks: str) -> list[EstimateRecord]:
        """The estimates that decided these checks."""
        return [
            finding.estimate
            for check in checks
            for finding in self.of(check)
            if finding.comparisons and finding.estimate is not None
        ]

    def missing(self, *checks: str, cases: Sequence[str] = ()) -> str:
        """What would settle those of the checks that have no verdict; empty if all have one.

        Args:
            *checks: Their ids.
            cases: The cases that matter, of checks that have cases; all of them if none is named.
        """
        needs = []
        for check in checks:
            findings = self.of(check)
            if not findings:
                needs.append(f"{check} was not run")
            chosen = [f for f in findings if not (cases and f.case) or f.case in cases]
            undecided = [f for f in chosen if verdict_of(f) not in (Verdict.PASS, Verdict.FAIL)]
            if undecided:
                needs.append(_need(check, undecided))
        return "; ".join(needs)


def verdict_of(finding: Finding) -> Verdict:
    """The verdict of a finding's comparisons, whether or not a waiver covers it."""
    return worst(comparison.verdict for comparison in finding.comparisons)


def _need(check: str, undecided: Sequence[Finding]) -> str:
    counts = [c.more_positives or 0 for finding in undecided for c in finding.comparisons]
    if most := max(counts, default=0):
        return f"{check} needs about {most} more positive patients"
    reasons = [finding.reason for finding in undecided if not finding.comparisons]
    return f"{check}: {reasons[0] if reasons else 'too little data'}"
