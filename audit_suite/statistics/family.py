"""A family of estimates that are judged together: the same question under several fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from audit_suite.record import ComparisonRecord
from audit_suite.statistics.decision import Comparison, Relation
from audit_suite.statistics.estimate import Distance, Estimate
from audit_suite.statistics.exact import Exact
from audit_suite.statistics.recording import conclude, observe, shares
from audit_suite.statistics.searched import Searched
from audit_suite.verdict import Verdict


@dataclass(frozen=True)
class FamilyComparison:
    """A joint verdict.

    Attributes:
        members: The comparisons that decide it, each with the joint verdict.
        verdict: The joint verdict.
        message: The verdict in words.
        others: Estimates that do not decide it; the report shows them beside it.
    """

    members: tuple[Comparison, ...]
    verdict: Verdict
    message: str
    others: tuple[Estimate, ...] = ()


@dataclass(frozen=True, eq=False)
class Family:
    """Estimates judged together, so that an artefact of one fill cannot decide alone.

    Attributes:
        estimates: The estimates.
        enough: How many must pass. ``all``: pass if all pass, fail if more than half are shown to
            lie beyond the limit (two of three), else inconclusive.
            ``one``: pass if one passes at its share of the level, fail if all fail, else
            inconclusive; for a claim that holds if any of them shows it.
    """

    estimates: Sequence[Estimate]
    enough: Literal["all", "one"] = "all"

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.estimates)

    def distance_to(self, centre: float) -> FamilyDistance:
        """The distances of all estimates to a value; allows only ``<``."""
        return FamilyDistance([estimate.distance_to(centre) for estimate in self.estimates])

    def compare(self, relation: Relation, limit: float) -> FamilyComparison:
        """Judge all estimates without raising or recording."""
        if self.enough == "one":
            with shares(chances=len(self.estimates)):
                return _best(self.estimates, relation, limit)
        return _jointly(
            lambda: [estimate.compare(relation, limit) for estimate in self.estimates],
            len(self.estimates),
        )

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return _conclude(self.compare("<", limit))

    def __gt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return _conclude(self.compare(">", limit))

    __le__ = __lt__
    __ge__ = __gt__


@dataclass(frozen=True, eq=False)
class FamilyDistance:
    """Distances judged together."""

    distances: Sequence[Distance]

    def compare(self, relation: Relation, limit: float) -> FamilyComparison:
        """Judge all distances without raising or recording."""
        return _jointly(
            lambda: [distance.compare(relation, limit) for distance in self.distances],
            len(self.distances),
        )

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return _conclude(self.compare("<", limit))

    __le__ = __lt__


def explain_comparison(left: object, op: str, right: object) -> list[str] | None:
    """The reasons why a comparison failed, one per line; None if it is not one of estimates."""
    if isinstance(left, Exact) and op in ("<", "<=") and isinstance(right, int | float):
        return [left.compare("<=" if op == "<=" else "<", right).message]
    if isinstance(left, Searched) and op in ("<", "<=") and isinstance(right, int | float):
        return left.explained(right)
    known = Estimate | Distance | Family | FamilyDistance
    relation: Relation | None = {"<": "<", "<=": "<", ">": ">", ">=": ">"}.get(op)  # type: ignore[assignment]
    if not isinstance(left, known) or relation is None:
        return None
    compare: Callable[..., Comparison | FamilyComparison] = left.compare
    judged = compare(relation, right)
    members = judged.members if isinstance(judged, FamilyComparison) else (judged,)
    return [member.message for member in members]


def _conclude(judged: FamilyComparison) -> bool:
    __tracebackhide__ = True
    observe(*judged.others)
    return conclude(judged.members, judged.message)


def majority(count: int) -> int:
    """The smallest majority of some estimates: 2 of 3."""
    return count // 2 + 1


def joint_verdict(members: Sequence[Comparison | ComparisonRecord]) -> Verdict:
    """The verdict of estimates that are judged together, from what each gives alone.

    Args:
        members: The comparisons of one group.
    """
    alone = [member.alone for member in members]
    if len(set(alone)) == 1:
        return alone[0]
    failed = alone.count(Verdict.FAIL) >= majority(len(alone))
    return Verdict.FAIL if failed and members[0].jointly == "most" else Verdict.INCONCLUSIVE


def deciding(members: Sequence[Comparison]) -> Comparison:
    """The one of jointly judged estimates that decides.

    Of a pass the one nearest to failing; of a fail the last one that the majority needs; of what is
    undecided the one nearest to failing.

    Args:
        members: The comparisons of one group, with their joint verdict.
    """
    by_p = sorted(members, key=lambda member: member.p_raw)
    if members[0].verdict is Verdict.FAIL:
        return by_p[majority(len(members)) - 1]
    if members[0].verdict is Verdict.PASS:
        return by_p[0]
    undecided = [member for member in by_p if member.alone is not Verdict.PASS]
    return (undecided or by_p)[0]


def _jointly(judge: Callable[[], list[Comparison]], count: int) -> FamilyComparison:
    """Judge so that a fail of most is one at the level of the check.

    That more than half of n hypotheses are false is shown where the u-th smallest p value, times
    n - u + 1, lies below the level: u the smallest majority (partial conjunction; Benjamini and
    Heller, Biometrics 64, 2008).
    """
    with shares(cases=count - majority(count) + 1):
        members = judge()
    verdict = joint_verdict(members)
    joint = tuple(replace(member, verdict=verdict) for member in members)
    if count == 1:
        return FamilyComparison(joint, verdict, members[0].message)
    decider = deciding(joint)
    counts = Counter(member.alone for member in members)
    tally = ", ".join(f"{number} {each.value}" for each, number in sorted(counts.items()))
    others = ", ".join(
        f"{m.estimate.label} {m.estimate.value:.3f} [{m.estimate.low:.3f}, {m.estimate.high:.3f}]"
        for m in joint
        if m is not decider
    )
    message = (
        f"of {count} estimates that must agree, {tally}: {decider.message}; beside it {others}"
    )
    return FamilyComparison(joint, verdict, message)


def _best(estimates: Sequence[Estimate], relation: Relation, limit: float) -> FamilyComparison:
    judged = [(estimate, estimate.compare(relation, limit)) for estimate in estimates]
    verdicts = {comparison.verdict for _, comparison in judged}
    best = next(v for v in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL) if v in verdicts)
    members = tuple(
        replace(comparison, jointly="one") for _, comparison in judged if comparison.verdict is best
    )
    others = tuple(estimate for estimate, comparison in judged if comparison.verdict is not best)
    message = max(members, key=lambda member: member.p_raw).message
    return FamilyComparison(members, best, message, others)
