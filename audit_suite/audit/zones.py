"""What is left of the skill with the region hidden, in words; a pass is not "chance"."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.record import ComparisonRecord, Finding
from audit_suite.statistics import majority
from audit_suite.verdict import Verdict

CHANCE = 0.5


def skill_kept(findings: Sequence[Finding], main: Sequence[str]) -> str:
    """The zone that a model was shown to be in; empty if no check asked for a share of skill.

    Up to the margin of a distance to chance a model is not blamed. From there to the share that is
    allowed it may pass, but some skill is left. Above, it never passes.

    Args:
        findings: Of one model, data set and target.
        main: Ids of the checks that share half of the level (`Policy.main`).
    """
    asked = [f for f in findings if f.check in main or f.role == "required"]
    # Another main check may have compared the same shares, to say which zone it is in.
    asked.sort(key=lambda finding: finding.role != "required")
    kept = next(filter(None, map(_shares, asked)), [])
    if not kept:
        return ""
    verdict, limit = kept[0].verdict, kept[0].margin
    if verdict is Verdict.PASS:
        largest = max(max(abs(c.pass_low), abs(c.pass_high)) for c in kept)
        text = f"with the region hidden at most {largest:.0%} of the skill is left under every fill"
        compared = [comparison for finding in asked for comparison in finding.comparisons]
        close = [c for c in compared if c.centre == CHANCE and c.verdict is Verdict.PASS]
        if close:
            far = max(max(abs(c.pass_low - CHANCE), abs(c.pass_high - CHANCE)) for c in close)
            return f"{text}, an AUROC within {far:.3f} of 0.5"
        return f"{text}; up to {limit:.0%} passes, so this is not chance"
    if verdict is Verdict.FAIL:
        bounds = sorted(
            (abs(c.bound) for c in kept if c.alone is Verdict.FAIL and c.bound is not None),
            reverse=True,
        )
        least = bounds[min(majority(len(kept)), len(bounds)) - 1]
        return f"with the region hidden at least {least:.0%} of the skill is left under most fills"
    spread = ", ".join(f"{c.estimate.value:.0%}" for c in kept)
    return (
        f"with the region hidden {spread} of the skill seem to be left; whether it is less than "
        f"{limit:.0%} is not shown"
    )


def _shares(finding: Finding) -> list[ComparisonRecord]:
    """The shares of skill that a finding judged."""
    return [
        comparison
        for comparison in finding.comparisons
        if (basis := comparison.basis) and basis.pair and basis.pair.form == "share"
    ]
