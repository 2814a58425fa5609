"""Needs made of other needs: a difference declared as one need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.needs.need import Need
from audit_suite.statistics import Estimate


@dataclass(frozen=True)
class Contrast:
    """One need minus another, paired where both are estimated on the same patients."""

    first: Need
    second: Need

    @property
    def id(self) -> str:
        """Both ids."""
        return f"{self.first.id}-vs-{self.second.id}"

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """The evidence of both needs."""
        return *self.first.requests(cell), *self.second.requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The difference."""
        return self.first.estimate(cell, source) - self.second.estimate(cell, source)
