"""Do the scores of new cases lie where those of the audited data set lie? (D1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.needs.scores.two_sets import (
    FEWEST,
    Floats,
    TwoSets,
    audited_cell,
    by_group,
    compared,
    drift_requests,
    two_sets,
)
from audit_suite.statistics import Estimate
from audit_suite.statistics.mid_ranks import mid_ranks
from audit_suite.verdict import NotApplicable

Part = Literal["level", "spread"]


@dataclass(frozen=True)
class ScoreDrift:
    """Chance that the score of a new case exceeds that of an audited one; .5 without drift.

    Attributes:
        part: ``level``: of scores; ``spread``: of how far scores lie from the middle of the
            audited ones, by rank, so that scores that grow surer or less sure at the same middle
            are seen.
    """

    part: Part = "level"

    @property
    def id(self) -> str:
        """The part."""
        return self.part

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores of whole images of both data sets.

        Raises:
            NotApplicable: If the card names no audited data set, or that one lacks the target.
        """
        return drift_requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The chance, clustered by patient, placed by ``drift`` and ``group``.

        Raises:
            NotApplicable: As `requests`, or if fewer than 30 patients are new.
        """
        return _drift(self.part, two_sets(cell, source), "")


@dataclass(frozen=True)
class ScoreDriftBy:
    """`ScoreDrift` of both parts within each value of the tags under ``watch_by``."""

    id: str = "groups"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """As `ScoreDrift.requests`.

        Raises:
            NotApplicable: As `ScoreDrift.requests`, or if the card names no tag to watch by.
        """
        refuse_no_tag(cell)
        return drift_requests(cell)

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """Two estimates per group with at least 30 new patients.

        Raises:
            NotApplicable: As `requests`, or if no group has enough.
        """
        groups = groups_of(cell, source)
        parts: tuple[Part, ...] = ("level", "spread")
        return tuple(_drift(part, both, name) for name, both in groups for part in parts)


def refuse_no_tag(cell: Cell) -> None:
    """Raise `NotApplicable` if the new cases' card names no tag to watch by."""
    if not cell.dataset.watch_by:
        raise NotApplicable(
            f"data set card '{cell.dataset.name}' names no tag by whose values to compare (key "
            f"watch_by)"
        )


def groups_of(cell: Cell, source: EvidenceSource) -> list[tuple[str, TwoSets]]:
    """The groups of all tags under ``watch_by``, each beside audited cases.

    Raises:
        NotApplicable: If the audited data set lacks a tag, or no group has 30 new patients.
    """
    refuse_no_tag(cell)
    audited = audited_cell(cell).dataset
    if unknown := sorted(set(cell.dataset.watch_by) - set(audited.metadata)):
        raise NotApplicable(
            f"the audited data set '{audited.name}' declares no {', '.join(unknown)} under metadata"
        )
    groups = []
    for tag in cell.dataset.watch_by:
        groups += by_group(two_sets(cell, source, tag))
    if not groups:
        raise NotApplicable(
            f"no value of {', '.join(cell.dataset.watch_by)} has {FEWEST} new patients"
        )
    return groups


def _drift(part: Part, both: TwoSets, group: str) -> Estimate:
    where = f", {group}" if group else ""
    words = "score" if part == "level" else "score's distance from the middle"
    label = f"chance that a new case's {words} is the larger{where}"
    values = both.scores if part == "level" else _distance(both)
    return compared(both, values, label).placed(drift=f"score {part}", group=group)


def _distance(both: TwoSets) -> Floats:
    return np.abs(mid_ranks(both.scores, np.sort(both.scores[~both.new])) - 0.5)
