"""The decision rule: one comparison, three ends (checks.md, "One rule for all")."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from audit_suite.errors import AuditError
from audit_suite.record import ComparisonRecord, EstimateRecord
from audit_suite.statistics.power import more_positives, smallest_effect
from audit_suite.verdict import Inconclusive, Verdict, worst

if TYPE_CHECKING:
    from audit_suite.statistics.estimate import Estimate

Relation = Literal["<", ">"]

FEWEST_PATIENTS = 20
"""With fewer patients of either class no verdict is drawn: a nominal 95 % interval covered 85 % at
6 positive patients, and is only known to cover 93 to 97 % from 20 on (benchmarks/coverage.py)."""


class Margin(float):
    """A limit that says where it comes from.

    Attributes:
        source: Protocol, guideline or card it was taken from.
    """

    source: str

    def __new__(cls, value: float, source: str) -> Margin:
        """Make a margin.

        Args:
            value: The limit.
            source: Where it comes from.
        """
        margin = super().__new__(cls, value)
        margin.source = source
        return margin

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]  # floats pickle by value
        return float(self), self.source


@dataclass(frozen=True)
class DecisionRule:
    """Error levels: a pass holds at ``alpha``, a fail at ``alpha / cases``.

    All cases must pass, so a pass needs no correction (intersection-union); one fail closes the
    gate, so a fail is corrected for all the cases of its test function (Bonferroni). Where one of
    several estimates is enough for a pass, each must hold at ``alpha / chances``.
    """

    alpha: float = 0.05
    cases: int = 1
    chances: int = 1


@dataclass(frozen=True)
class Comparison:
    """One comparison as it was judged."""

    estimate: EstimateRecord
    rule: str
    relation: Relation
    centre: float | None
    margin: float
    margin_source: str
    verdict: Verdict
    pass_low: float
    pass_high: float
    fail_level: float
    p_raw: float
    smallest_effect: float | None
    more_positives: int | None
    message: str

    def to_record(self) -> ComparisonRecord:
        """The comparison for the record; Holm's p value is added when all cases are known."""
        return ComparisonRecord(**vars(self), p_holm=None)


@dataclass
class Recorded:
    """What a check compared, and what it showed without comparing, as it came."""

    rule: DecisionRule
    comparisons: list[Comparison] = field(default_factory=list)
    observations: list[EstimateRecord] = field(default_factory=list)


_recording: ContextVar[Recorded | None] = ContextVar("audit_recording", default=None)


@contextmanager
def chances(count: int) -> Iterator[None]:
    """Judge what is compared inside as one of several of which one is enough for a pass."""
    active = _recording.get() or Recorded(DecisionRule())
    token = _recording.set(replace(active, rule=replace(active.rule, chances=count)))
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def recording(rule: DecisionRule) -> Iterator[Recorded]:
    """Judge by ``rule`` and collect every comparison and observation made inside.

    Yields:
        The growing lists.
    """
    recorded = Recorded(rule)
    token = _recording.set(recorded)
    try:
        yield recorded
    finally:
        _recording.reset(token)


def observe(*estimates: Estimate) -> None:
    """Show estimates in the report without judging them, whatever the check's verdict will be.

    Args:
        *estimates: What to show; those placed on axes (`Estimate.placed`) are drawn as a curve.
    """
    if (active := _recording.get()) is not None:
        active.observations.extend(estimate.to_record() for estimate in estimates)


def decide(comparisons: Sequence[Comparison], message: str = "") -> bool:
    """Record comparisons and end in one of three ways.

    Args:
        comparisons: One, or several with one joint verdict.
        message: What to say if they are inconclusive; the first one's message if empty.

    Returns:
        True for a pass, False for a fail.

    Raises:
        Inconclusive: If the data are too few to say.
    """
    __tracebackhide__ = True
    if (active := _recording.get()) is not None:
        active.comparisons.extend(comparisons)
    verdict = worst(comparison.verdict for comparison in comparisons)
    if verdict is Verdict.INCONCLUSIVE:
        raise Inconclusive(message or comparisons[0].message)
    return verdict is Verdict.PASS


def judge_below(estimate: Estimate, relation: Relation, limit: float) -> Comparison:
    """Judge ``estimate < limit`` or ``estimate > limit``.

    Pass by the one-sided bound at alpha, fail by the opposite one-sided bound at alpha / cases.
    """
    limit_value = _finite(limit)
    scale = estimate.scale
    above, below = scale.p_above(limit_value), scale.p_below(limit_value)
    p_pass, p_fail = (below, above) if relation == "<" else (above, below)
    gap = abs(limit_value - estimate.value)
    words = "below" if relation == "<" else "above"
    return _judge(
        estimate,
        rule=f"{estimate.label} {relation} {limit_value:g}",
        claim=f"{words} {limit_value:g}",
        subject=repr(estimate),
        limit=limit,
        p_pass=p_pass,
        p_fail=p_fail,
        relation=relation,
        centre=None,
        gap=gap,
    )


def judge_distance(estimate: Estimate, centre: float, limit: float) -> Comparison:
    """Judge ``|estimate - centre| < limit``.

    Pass if the 1 - 2 alpha interval lies inside the margins (two one-sided tests, Schuirmann
    1987), fail if the 1 - alpha / cases interval lies wholly outside.
    """
    margin = _finite(limit)
    if margin <= 0:
        raise AuditError(
            f"a distance cannot be below {margin:g}", "give a margin above 0 to distance_to(...)"
        )
    scale = estimate.scale
    p_pass = max(scale.p_below(centre + margin), scale.p_above(centre - margin))
    p_fail = min(1.0, 2 * min(scale.p_above(centre + margin), scale.p_below(centre - margin)))
    low, high = estimate.interval(0.95)
    return _judge(
        estimate,
        rule=f"|{estimate.label} - {centre:g}| < {margin:g}",
        claim=f"below {margin:g}",
        subject=(
            f"the distance of {estimate.label} {estimate.value:.3f} [{low:.3f}, {high:.3f}] "
            f"(n={estimate.n_patients} patients) to {centre:g}"
        ),
        limit=limit,
        p_pass=p_pass,
        p_fail=p_fail,
        relation="<",
        centre=centre,
        gap=margin - abs(estimate.value - centre),
    )


def _judge(
    estimate: Estimate,
    *,
    rule: str,
    claim: str,
    subject: str,
    limit: float,
    p_pass: float,
    p_fail: float,
    relation: Relation,
    centre: float | None,
    gap: float,
) -> Comparison:
    two_sided = centre is not None
    active = _recording.get()
    levels = active.rule if active is not None else DecisionRule()
    level = levels.alpha / levels.cases
    passing = levels.alpha / levels.chances
    pass_low, pass_high = estimate.interval(1 - 2 * passing)
    effect = smallest_effect(estimate.se, estimate.df, passing, two_sided)
    more: int | None = None
    if estimate.fewest < FEWEST_PATIENTS:
        verdict = Verdict.INCONCLUSIVE
        message = (
            f"{subject} rests on {estimate.fewest} patients of the rarer class; no verdict is "
            f"drawn on fewer than {FEWEST_PATIENTS}"
        )
        more = FEWEST_PATIENTS - estimate.fewest
    elif p_pass < passing:
        verdict, message = Verdict.PASS, f"{subject} is {claim}"
    elif p_fail < level:
        verdict, message = Verdict.FAIL, f"{subject} is not {claim}"
    else:
        verdict = Verdict.INCONCLUSIVE
        margin = float(limit) if two_sided else None
        positives = estimate.n_positives if estimate.n_positives is not None else estimate.fewest
        more = more_positives(estimate.se, positives, passing, margin, gap)
        message = f"{subject} is neither shown to be {claim} nor not to be"
        if p_fail < levels.alpha:
            message += f" (p = {p_fail:.2g} alone, but {levels.cases} cases share the level)"
        if effect is not None:
            message += f"; the smallest margin these data could show is {effect:.2g}"
        if more:
            message += f"; about {more} more positive patients would decide"
    return Comparison(
        estimate=estimate.to_record(),
        rule=rule,
        relation=relation,
        centre=centre,
        margin=float(limit),
        margin_source=limit.source if isinstance(limit, Margin) else "written in the check",
        verdict=verdict,
        pass_low=pass_low,
        pass_high=pass_high,
        fail_level=level,
        p_raw=p_fail,
        smallest_effect=effect,
        more_positives=more,
        message=message,
    )


def _finite(limit: float) -> float:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit):
        raise TypeError(f"an estimate is compared with a number or another estimate, not {limit!r}")
    return float(limit)
