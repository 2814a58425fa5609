"""A family of estimates that must agree: the same question under several fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from audit_suite.statistics.decision import Comparison, Relation, decide
from audit_suite.statistics.estimate import Distance, Estimate
from audit_suite.verdict import Verdict


@dataclass(frozen=True)
class FamilyComparison:
    """A joint judgement: pass if all pass, fail if all fail, else inconclusive."""

    members: tuple[Comparison, ...]
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Family:
    """Estimates judged together (checks.md, R2: an artefact of one fill is no finding)."""

    estimates: Sequence[Estimate]

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.estimates)

    def distance_to(self, centre: float) -> FamilyDistance:
        """The distances of all estimates to a value; allows only ``<``."""
        return FamilyDistance([estimate.distance_to(centre) for estimate in self.estimates])

    def compare(self, relation: Relation, limit: float) -> FamilyComparison:
        """Judge all estimates without raising or recording."""
        return _agree([estimate.compare(relation, limit) for estimate in self.estimates])

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return decide(self.compare("<", limit).members)

    def __gt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return decide(self.compare(">", limit).members)

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
        return decide(self.compare("<", limit).members)

    __le__ = __lt__


def explain(left: object, op: str, right: object) -> list[str] | None:
    """The lines that say why a comparison failed; None if it is none of ours."""
    known = Estimate | Distance | Family | FamilyDistance
    relation: Relation | None = {"<": "<", "<=": "<", ">": ">", ">=": ">"}.get(op)  # type: ignore[assignment]
    if not isinstance(left, known) or relation is None:
        return None
    compare: Callable[..., Comparison | FamilyComparison] = left.compare
    judged = compare(relation, right)
    members = judged.members if isinstance(judged, FamilyComparison) else (judged,)
    return [member.message for member in members]


def _agree(members: Sequence[Comparison]) -> FamilyComparison:
    counts = Counter(member.verdict for member in members)
    (verdict,) = counts if len(counts) == 1 else (Verdict.INCONCLUSIVE,)
    if len(counts) > 1:
        said = ", ".join(f"{count} {verdict.value}" for verdict, count in sorted(counts.items()))
        members = [
            replace(
                member, verdict=verdict, message=f"{member.message} (of {len(members)}: {said})"
            )
            for member in members
        ]
    return FamilyComparison(tuple(members), verdict)
