"""How much of the skill a cause accounts for: shown to be more than a quarter, less, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.causes.logic import Holds
from audit_suite.record import ComparisonRecord, Effect
from audit_suite.statistics.family import majority
from audit_suite.verdict import Verdict

LEVEL = 0.05
"""Error level of a name, apart from how many other checks were asked."""
CONTRIBUTES = 0.10
"""A share shown to be above this contributes."""


@dataclass(frozen=True)
class Judged:
    """A share, judged.

    Attributes:
        holds: Whether it is more than a quarter.
        effect: The share for the record.
    """

    holds: Holds
    effect: Effect


def judge_share(shares: Sequence[ComparisonRecord], p_above: float, of: str) -> Judged:
    """Judge a share by its comparisons with a quarter, of which most must agree on a fail.

    Args:
        shares: One, or one per fill.
        p_above: Their joint p value against "at most a quarter", corrected.
        of: What they are shares of, in words.
    """
    most = majority(len(shares))
    beyond = [share.pass_low > CONTRIBUTES or share.pass_high < -CONTRIBUTES for share in shares]
    passed = all(share.verdict is Verdict.PASS for share in shares)
    holds: Holds = "yes" if p_above < LEVEL else "no" if passed else "unknown"
    shown = sorted(shares, key=lambda share: share.p_raw)[0 if passed else most - 1]
    return Judged(holds, Effect(share=shown.estimate, of=of, contributes=sum(beyond) >= most))


def joint_p(comparisons: Sequence[ComparisonRecord]) -> float:
    """The p value of a joint fail: of most of them, or of all where one pass is enough."""
    count = len(comparisons)
    needed = majority(count) if comparisons[0].jointly == "most" else count
    p_values = sorted(comparison.p_raw for comparison in comparisons)
    return min(1.0, (count - needed + 1) * p_values[needed - 1])
