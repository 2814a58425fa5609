"""A family of estimates that are judged together: the same question under several fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from audit_suite.statistics.decision import Comparison, Relation
from audit_suite.statistics.estimate import Distance, Estimate
from audit_suite.statistics.exact import Exact
from audit_suite.statistics.recording import chances, conclude, observe
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
        enough: How many must pass. ``all``: pass if all pass, fail if all fail, else inconclusive.
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
            with chances(len(self.estimates)):
                return _best(self.estimates, relation, limit)
        return _agree([estimate.compare(relation, limit) for estimate in self.estimates])

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
        return _agree([distance.compare(relation, limit) for distance in self.distances])

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return _conclude(self.compare("<", limit))

    __le__ = __lt__


def explain_comparison(left: object, op: str, right: object) -> list[str] | None:
    """The reasons why a comparison failed, one per line; None if it is not one of estimates."""
    if isinstance(left, Exact) and op in ("<", "<=") and isinstance(right, int | float):
        return [left.compare("<=" if op == "<=" else "<", right).message]
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


def _best(estimates: Sequence[Estimate], relation: Relation, limit: float) -> FamilyComparison:
    judged = [(estimate, estimate.compare(relation, limit)) for estimate in estimates]
    verdicts = {comparison.verdict for _, comparison in judged}
    best = next(v for v in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL) if v in verdicts)
    members = tuple(comparison for _, comparison in judged if comparison.verdict is best)
    others = tuple(estimate for estimate, comparison in judged if comparison.verdict is not best)
    message = max(members, key=lambda member: -(member.more_positives or 0)).message
    return FamilyComparison(members, best, message, others)


def _agree(members: Sequence[Comparison]) -> FamilyComparison:
    counts = Counter(member.verdict for member in members)
    (verdict,) = counts if len(counts) == 1 else (Verdict.INCONCLUSIVE,)
    values = ", ".join(
        f"{m.estimate.label} {m.estimate.value:.3f} [{m.estimate.low:.3f}, {m.estimate.high:.3f}]"
        for m in members
    )
    tally = ", ".join(f"{count} {each.value}" for each, count in sorted(counts.items()))
    message = f"of {len(members)} estimates that must agree, {tally}: {values}"
    more = [member.more_positives for member in members if member.more_positives]
    if verdict is Verdict.INCONCLUSIVE and more:
        message += f"; about {max(more)} more positive patients would decide"
    joint = tuple(replace(member, verdict=verdict) for member in members)
    return FamilyComparison(joint, verdict, message)
