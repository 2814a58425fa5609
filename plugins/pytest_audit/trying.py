"""A check under hypothesis' ``@given``: many tries, one finding with one example."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from audit_suite.audit.judge import verdict_of
from audit_suite.statistics import Comparison, Recorded, recording
from audit_suite.verdict import SEVERITY

_LONGEST = 400  # characters of an example in a reason


@contextmanager
def each_try(item: pytest.Function, recorded: Recorded, seed: int) -> Iterator[None]:
    """Keep of hypothesis' tries the worst, which is the shrunk one where several are as bad.

    The tries are drawn from the audit's seed, without a database of earlier failures and without a
    deadline, so that the finding does not depend on the machine. Nothing changes for a test
    without ``@given``.

    Args:
        item: The test; its function is left as it was.
        recorded: Gets the comparisons of the kept try, and its example in words.
        seed: The audit's.

    Raises:
        BaseException: What the kept try raised, if hypothesis raised anything.
    """
    function: Any = getattr(item.obj, "__func__", item.obj)
    handle = getattr(function, "hypothesis", None)
    if handle is None:
        yield
        return
    inner, tries = handle.inner_test, _Tries()

    @functools.wraps(inner)
    def once(*args: Any, **drawn: Any) -> None:
        raised = None
        with recording(recorded.rule) as attempt:
            try:
                inner(*args, **drawn)
            except BaseException as error:
                raised = error
                raise
            finally:
                example = {name: it for name, it in drawn.items() if name not in item.funcargs}
                tries.note(attempt, raised, example)

    handle.inner_test = once
    try:
        with _repeatable(function, seed):
            yield
    except BaseException as error:
        if tries.raised is not None and tries.raised is not error:
            raise tries.raised from None
        raise
    finally:
        handle.inner_test = inner
        tries.hand_over(recorded)


@dataclass
class _Tries:
    """The worst try so far.

    Attributes:
        worst: Its place in the order of severity; -1 before the first.
        nearest: Where it passed, how near it came to failing: its p value, then the distance of the
            bound that decided from the limit.
        raised: What it raised.
        example: What was drawn for it, in words.
    """

    worst: int = -1
    nearest: tuple[float, float] = (math.inf, math.inf)
    raised: BaseException | None = None
    example: str = ""
    _kept: Recorded | None = field(default=None)

    def note(
        self, attempt: Recorded, raised: BaseException | None, example: dict[str, Any]
    ) -> None:
        """Take a try into account, unless hypothesis itself gave it up (``assume``)."""
        if raised is not None and type(raised).__module__.partition(".")[0] == "hypothesis":
            return
        if raised is None and not attempt.comparisons:
            return
        severity = SEVERITY.index(verdict_of(raised, attempt.comparisons)[0])
        nearest = min((_nearness(c) for c in attempt.comparisons), default=(math.inf, math.inf))
        passed = raised is None and severity == self.worst
        if severity < self.worst or (passed and nearest >= self.nearest):
            return
        self.worst, self.nearest, self.raised, self._kept = severity, nearest, raised, attempt
        words = ", ".join(f"{name}={value!r}" for name, value in example.items())
        self.example = words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."

    def hand_over(self, recorded: Recorded) -> None:
        """Give the kept try's comparisons, observations and example to the check's record."""
        if self._kept is not None:
            recorded.comparisons.extend(self._kept.comparisons)
            recorded.observations.extend(self._kept.observations)
            recorded.counterexample = self._kept.counterexample
            recorded.example = self.example


def _nearness(comparison: Comparison) -> tuple[float, float]:
    bound = comparison.margin if comparison.bound is None else comparison.bound
    return comparison.p_raw, abs(comparison.margin - bound)


@contextmanager
def _repeatable(function: Any, seed: int) -> Iterator[None]:
    """Draw from a seed; one that the test names itself stands."""
    from hypothesis import Phase, settings

    names = "_hypothesis_internal_use_settings", "_hypothesis_internal_use_seed"
    before: list[Any] = [getattr(function, name, None) for name in names]
    own, chosen = before
    phases = [phase for phase in own.phases if phase is not Phase.explain]  # it would try more
    quiet = settings(
        own, database=None, deadline=None, print_blob=False, derandomize=False, phases=phases
    )
    setattr(function, names[0], quiet)
    setattr(function, names[1], seed if chosen is None else chosen)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(function, name, value)
