"""Estimates on the internal data set of an external one (O1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from audit_suite.cards import internal_card
from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.needs.need import Need
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Internal:
    """Another need, estimated on the internal data set that the audited data set's card names.

    Patients of the two data sets are independent samples.
    """

    need: Need

    @property
    def id(self) -> str:
        """The need's id behind ``internal``."""
        return f"internal-{self.need.id}"

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """The need's evidence on the internal data set.

        Raises:
            NotApplicable: As `estimate`.
            AuditError: If the internal card is missing or wrong.
        """
        return self.need.requests(_there(cell))

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The need's estimate on the internal data set.

        Raises:
            NotApplicable: If the card names no internal data set, or that one lacks the target.
        """
        there = _there(cell)
        estimate = self.need.estimate(there, source)
        return estimate.named(f"{estimate.label} on {there.dataset.name}")


def _there(cell: Cell) -> Cell:
    card = internal_card(cell.dataset)
    if card is None:
        raise NotApplicable(
            f"data set card '{cell.dataset.name}' names no internal data set (key internal)"
        )
    if cell.target not in card.targets:
        raise NotApplicable(f"the internal data set '{card.name}' has no target '{cell.target}'")
    return replace(cell, dataset=card)
