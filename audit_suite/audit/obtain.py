"""Obtain the evidence that cases declared: scores first, explanations while others are judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit_suite.audit.plan import CheckCase, planned_requests
from audit_suite.evidence import EvidenceSource, Request
from audit_suite.evidence.measured import Display, compute_beside, compute_measured
from audit_suite.evidence.meter import Meter
from audit_suite.evidence.source import EXPLANATIONS


@dataclass(frozen=True)
class Obtained:
    """What was computed, and what still is.

    Attributes:
        meters: Those of all that was, or is, computed.
        coming: What is still computed; who reads it waits.
    """

    meters: tuple[Meter, ...] = ()
    coming: frozenset[Request[Any]] = frozenset()

    def waits(self, case: CheckCase) -> bool:
        """Whether a case declared what is still computed; these are judged last."""
        return not self.coming.isdisjoint(case.requests())

    @property
    def rate(self) -> float | None:
        """Passes a second; None if all evidence was stored."""
        done = sum(meter.done for meter in self.meters)
        seconds = sum(meter.seconds for meter in self.meters)
        return done / seconds if done and seconds else None


def obtain(
    cases: Iterable[CheckCase], source: EvidenceSource, display: Display, after: Display | None
) -> Obtained:
    """Compute and store the evidence that is missing.

    Args:
        cases: The cases that will be judged.
        source: Data sets, models, profile and store.
        display: Shows how far it is.
        after: Shows the same of explanations, to those who wait for them. They are computed beside
            the judge where models run in other processes; None to compute them at once.
    """
    requests = planned_requests(cases)
    beside = after is not None and source.elsewhere
    now = [r for r in requests if not (beside and r.rank[0] >= EXPLANATIONS)]
    meter = compute_measured(now, source, display.show, display.say)
    display.close(meter)
    coming = frozenset(requests).difference(now)
    if after is None or not coming:
        return Obtained((meter,))
    source.executor.start()  # for pictures: who calls it later would wait for the explanations
    return Obtained((meter, compute_beside(coming, source, after)), coming)
