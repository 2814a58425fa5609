"""What the checks of one place said, in the three-valued logic that causes are drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from audit_suite.record import ComparisonRecord, EstimateRecord, Finding
from audit_suite.verdict import Verdict, worst

Holds = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Said:
    """What the checks of one place said."""

    findings: Sequence[Finding]

    def of(self, check: str) -> list[Finding]:
        """The findings of a check, its cases in order."""
        return [finding for finding in self.findings if finding.check == check]

    def verdict(self, check: str, *cases: str) -> Holds:
        """Whether a check failed ("yes"), passed ("no"), or did neither.

        Args:
            check: Its id.
            *cases: Cases of which one is enough to fail and all must pass; none named: all.
        """
        chosen = [f for f in self.of(check) if not cases or f.case in cases]
        verdicts = [drawn(finding) for finding in chosen if finding.comparisons]
        if any(verdict is Verdict.FAIL for verdict in verdicts):
            return "yes"
        return (
            "no" if verdicts and all(verdict is Verdict.PASS for verdict in verdicts) else "unknown"
        )

    def told(self, *checks: str) -> Holds:
        """Whether the label is told under some fill ("yes"), or is not under any ("no").

        A fill that is the same in all images brings no knowledge of the label, so what is told
        under one is in the images, whatever another fill does to the model; a gate asks for more.

        Args:
            *checks: Ids of checks whose comparisons are one fill each; any may tell.
        """
        asked = [f for check in checks for f in self.of(check) if f.comparisons]
        if any(tells(comparison) for finding in asked for comparison in finding.comparisons):
            return "yes"
        return "no" if asked and all(drawn(f) is Verdict.PASS for f in asked) else "unknown"

    def estimates(self, *checks: str) -> list[EstimateRecord]:
        """The estimates that decided the checks, for the table of a flag."""
        return [
            finding.estimate
            for check in checks
            for finding in self.of(check)
            if finding.comparisons and finding.estimate is not None
        ]

    def missing(self, *checks: str, cases: Sequence[str] = ()) -> str:
        """What would settle those of the checks (of ``cases`` alone, if any) without a verdict."""
        needed = []
        for check in checks:
            findings = self.of(check)
            if not findings:
                needed.append(f"{check} was not run")
            chosen = [f for f in findings if not (cases and f.case) or f.case in cases]
            if undecided := [f for f in chosen if drawn(f) not in (Verdict.PASS, Verdict.FAIL)]:
                reasons = [f.reason for f in undecided if not f.comparisons]
                more = [c.more_positives for f in undecided for c in f.comparisons]
                most = max((number for number in more if number), default=0)
                if most:
                    needed.append(f"{check} needs about {most} more positive patients")
                else:
                    needed.append(f"{check}: {reasons[0] if reasons else 'too little data'}")
        return "; ".join(needed)


def tells(comparison: ComparisonRecord) -> bool:
    """Whether the 95 % interval lies wholly beyond the margin, on either side."""
    centre, estimate = comparison.centre or 0.0, comparison.estimate
    margin = comparison.margin
    return estimate.low > centre + margin or estimate.high < centre - margin


def silent(comparison: ComparisonRecord) -> bool:
    """Whether the 95 % interval lies wholly within the margin."""
    centre, estimate = comparison.centre or 0.0, comparison.estimate
    return centre - comparison.margin < estimate.low <= estimate.high < centre + comparison.margin


def drawn(finding: Finding) -> Verdict:
    """The verdict of the comparisons, whatever a waiver made of it."""
    return worst(comparison.verdict for comparison in finding.comparisons)


def either(*holds: Holds) -> Holds:
    """Yes if any is, no if all are."""
    if "yes" in holds:
        return "yes"
    return "no" if all(hold == "no" for hold in holds) else "unknown"


def both(*holds: Holds) -> Holds:
    """Yes if all are, no if any is."""
    if "no" in holds:
        return "no"
    return "yes" if all(hold == "yes" for hold in holds) else "unknown"


def negated(holds: Holds) -> Holds:
    """Yes for no, and no for yes."""
    turned: dict[Holds, Holds] = {"yes": "no", "no": "yes", "unknown": "unknown"}
    return turned[holds]
