"""What a first look leaves out: how long the whole audit would take."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import CheckCase, cases_of, planned_requests
from audit_suite.cards import DatasetCard
from audit_suite.checks import Check
from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.meter import in_words
from audit_suite.evidence.passes import passes


class _AllImages(EvidenceSource):
    """Data sets as they were before a first look drew its sample; to count, not to compute."""

    def __init__(self, audit: Audit) -> None:
        sampled = audit.source
        super().__init__(sampled.store, sampled.profile, explaining=sampled.explaining)
        self._sampled = sampled
        self._most = audit.settings.max_cases

    def dataset(self, card: DatasetCard) -> Dataset:
        sampled = self._sampled.dataset(card)
        every = sampled.sampled_from or sampled
        return replace(every, cases=every.cases[: self._most])


def full_passes(checks: Iterable[Check], audit: Audit) -> int:
    """Forward passes that an audit takes without its profile, about; no evidence is read.

    Args:
        checks: All that were collected.
        audit: A first look.
    """
    whole = replace(audit, settings=replace(audit.settings, profile="full"))
    cases: list[CheckCase] = []
    for check in checks:
        with suppress(AuditError):  # of a card's margin for a check that is left out here
            cases += cases_of(check, whole)
    return passes(planned_requests(cases), _AllImages(audit))


def full_run(passes: int, rate: float | None) -> str:
    """How long the whole audit takes, in a line of text.

    Args:
        passes: As `full_passes` counts them.
        rate: Passes a second in this run; None if all its evidence was stored.
    """
    time = f"{passes:,} forward passes" if rate is None else in_words(passes / rate)
    where = "" if rate is None else " on this machine"
    return f"a full audit takes about {time}{where}: leave the profile 'first-look' out"
