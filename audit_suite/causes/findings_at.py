"""The findings of one place: one model, one data set, one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from audit_suite.causes.chance import detected
from audit_suite.causes.effect import LEVEL, Judged, joint_p, judge_share
from audit_suite.causes.logic import Holds
from audit_suite.record import ComparisonRecord, EstimateRecord, Finding
from audit_suite.statistics import FEWEST_PATIENTS, why_undecided
from audit_suite.verdict import Verdict, worst


@dataclass(frozen=True)
class FindingsAt:
    """The findings of one model on one data set and target, as a cause's rule reads them.

    Attributes:
        findings: The findings.
        corrected: Of findings that judge a share, by id, its p value against "at most a quarter",
            corrected over the shares of the model on the data set.
    """

    findings: Sequence[Finding]
    corrected: Mapping[str, float] = field(default_factory=dict)

    def of(self, check: str) -> list[Finding]:
        """The findings of a check, its cases in order."""
        return [finding for finding in self.findings if finding.check == check]

    def asked(self, *checks: str) -> bool:
        """Whether any of the checks was asked here."""
        return any(finding.check in checks for finding in self.findings)

    def fails(self, check: str, *cases: str) -> Holds:
        """Whether a check failed (``yes``), passed (``no``), or did neither.

        Here a check fails at an error level of .05 over its cases, so that a cause does not depend
        on how many other checks share the level of the release.

        Args:
            check: Its id.
            *cases: Cases to look at, all of them if none is named. One that fails is enough for
                ``yes``; all must pass for ``no``.
        """
        level = LEVEL / max(1, sum(bool(finding.comparisons) for finding in self.of(check)))
        compared = [f for f in self.of(check) if f.comparisons and (not cases or f.case in cases)]
        if any(_fails(finding, level) for finding in compared):
            return "yes"
        passed = compared and all(verdict_of(finding) is Verdict.PASS for finding in compared)
        return "no" if passed else "unknown"

    def detects_label(self, *checks: str) -> Holds:
        """Whether the model detects the label under some fill, or under none.

        A constant fill adds nothing about the label to an image. What the model detects under one
        fill is therefore in the images, even if it does not under another; a gate asks for more.

        Args:
            *checks: Ids of checks that compare one fill each with chance; any may detect it.
        """
        compared = [f for check in checks for f in self.of(check) if f.comparisons]
        if any(detected(comparison) for finding in compared for comparison in finding.comparisons):
            return "yes"
        passed = compared and all(verdict_of(finding) is Verdict.PASS for finding in compared)
        return "no" if passed else "unknown"

    def share_of(self, finding: Finding, of: str) -> Judged | None:
        """The share that a finding compares with a quarter; None if it compares nothing.

        Args:
            finding: One of the findings.
            of: What it is a share of, in words.
        """
        shares = [
            c for c in finding.comparisons if c.basis is not None and c.basis.pair is not None
        ]
        if not shares or not _enough(shares):
            return None
        return judge_share(shares, self.corrected.get(finding.id, joint_p(shares)), of)

    def share_kept(self) -> Judged | None:
        """The share of the skill that is left with the box hidden (R8-box); None if not judged."""
        of = "of the skill is left with the region's box hidden"
        return next((self.share_of(finding, of) for finding in self.of("R8-box")), None)

    def estimates(self, *checks: str) -> list[EstimateRecord]:
        """The estimates that decided these checks.

        Of a check under several fills those whose interval lies beyond the margin, if any do: one
        is enough for a cause.
        """
        shown = []
        for finding in (f for check in checks for f in self.of(check) if f.comparisons):
            beyond = [
                c.estimate for c in finding.comparisons if c.centre is not None and detected(c)
            ]
            shown += beyond or ([finding.estimate] if finding.estimate is not None else [])
        return shown

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


def _fails(finding: Finding, level: float) -> bool:
    if verdict_of(finding) is Verdict.FAIL:
        return True
    claims = [list(each) for _, each in groupby(finding.comparisons, lambda c: c.group)]
    return any(_enough(claim) and joint_p(claim) < level / len(claims) for claim in claims)


def _enough(claim: Sequence[ComparisonRecord]) -> bool:
    """Whether a verdict may be drawn on so many patients."""
    return all(each.basis is None or each.basis.fewest >= FEWEST_PATIENTS for each in claim)


def _need(check: str, undecided: Sequence[Finding]) -> str:
    unasked = (finding for finding in undecided if not finding.comparisons)
    first = next(unasked, undecided[0])
    return f"{check}: {why_undecided(first)}"
