"""The comparisons and observations of a check, collected while its test runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Protocol

from audit_suite.record import CounterexampleRecord, EstimateRecord
from audit_suite.statistics.decision import Comparison, DecisionRule
from audit_suite.verdict import Inconclusive, Verdict, worst


class Recordable(Protocol):
    """An estimate, or anything else that can be recorded as one."""

    def to_record(self) -> EstimateRecord:
        """Its value, 95 % interval and counts."""
        ...


@dataclass
class Recorded:
    """The comparisons and observations of one check, in order.

    Attributes:
        rule: By which comparisons are judged.
        comparisons: All of them.
        observations: What is shown without a verdict.
        counterexample: A change that a search found and other patients confirmed.
        example: What hypothesis drew for the try that is kept, in words; else empty.
    """

    rule: DecisionRule
    comparisons: list[Comparison] = field(default_factory=list)
    observations: list[EstimateRecord] = field(default_factory=list)
    counterexample: CounterexampleRecord | None = None
    example: str = ""


_recording: ContextVar[Recorded | None] = ContextVar("audit_recording", default=None)


@contextmanager
def recording(rule: DecisionRule) -> Iterator[Recorded]:
    """Judge by ``rule`` and collect every comparison and observation made inside.

    Yields:
        The comparisons and observations, added as they are made.
    """
    recorded = Recorded(rule)
    token = _recording.set(recorded)
    try:
        yield recorded
    finally:
        _recording.reset(token)


@contextmanager
def shares(*, cases: int = 1, chances: int = 1) -> Iterator[None]:
    """Judge each comparison made inside at a share of the level.

    Args:
        cases: Shares of the level of a fail.
        chances: Shares of the level of a pass.
    """
    active = _recording.get() or Recorded(DecisionRule())
    rule = active.rule
    rule = replace(rule, cases=rule.cases * cases, chances=rule.chances * chances)
    token = _recording.set(replace(active, rule=rule))
    try:
        yield
    finally:
        _recording.reset(token)


def active_rule() -> DecisionRule:
    """The rule of the check that is running; outside of one, a single case at 5 %."""
    active = _recording.get()
    return DecisionRule() if active is None else active.rule


def observe(*estimates: Recordable) -> None:
    """Show estimates in the report without judging them, whatever the check's verdict will be.

    Args:
        *estimates: What to show; those placed on axes (`Estimate.placed`) are drawn as a curve.
    """
    if (active := _recording.get()) is not None:
        active.observations.extend(estimate.to_record() for estimate in estimates)


def note_counterexample(change: CounterexampleRecord) -> None:
    """Keep in the finding what a search found and other patients confirmed.

    Args:
        change: The change; a later one replaces an earlier one.
    """
    if (active := _recording.get()) is not None:
        active.counterexample = change


def conclude(comparisons: Sequence[Comparison], message: str = "") -> bool:
    """Record comparisons, and return or raise by their verdict.

    Args:
        comparisons: One, or several with one joint verdict.
        message: Text of the error if they are inconclusive; the first one's message if empty.

    Returns:
        True for a pass, False for a fail.

    Raises:
        Inconclusive: If there are too few data to decide.
    """
    __tracebackhide__ = True
    if (active := _recording.get()) is not None:
        group = active.comparisons[-1].group + 1 if active.comparisons else 0
        active.comparisons.extend(replace(comparison, group=group) for comparison in comparisons)
    verdict = worst(comparison.verdict for comparison in comparisons)
    if verdict is Verdict.INCONCLUSIVE:
        raise Inconclusive(message or comparisons[0].message)
    return verdict is Verdict.PASS
