"""The protocol of a need: what a check may ask for, as a pure function of stored evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking
from audit_suite.statistics import Estimate, mean_of_folds


@runtime_checkable
class Need(Protocol):
    """Something that can be estimated in one cell (model x data set x target) of the audit.

    A new kind of need is a small frozen dataclass with these three members; nothing is registered.
    """

    @property
    def id(self) -> str:
        """Stable ASCII slug that tells needs of one kind apart, part of case ids."""
        ...

    def requests(self, cell: Cell) -> tuple[Request, ...]:
        """The evidence this need will read.

        Raises:
            NotApplicable: If it has no meaning in this cell; the message says why.
        """
        ...

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Turn stored evidence into an estimate; no input or output of its own.

        Raises:
            NotApplicable: If the evidence shows that the need has no meaning in this cell.
            AuditError: If the evidence cannot be had.
        """
        ...


@runtime_checkable
class Expanding(Protocol):
    """Stands for several needs, known only when it is known what is audited."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Need, ...]:
        """The needs in one cell; at least one.

        Args:
            cell: Model, data set and target.
            maskings: Those that policy or card names.
        """
        ...


def estimate_in(need: Need, cell: Cell, source: EvidenceSource) -> Estimate:
    """A need's estimate in a cell, the mean over its folds where estimates are averaged.

    Raises:
        NotApplicable: If it has no meaning there.
        AuditError: If the evidence cannot be had.
    """
    return mean_of_folds([need.estimate(one, source) for one in cell.each()])


def requests_in(need: Need, cell: Cell) -> tuple[Request, ...]:
    """The evidence of a need in a cell, over all its folds.

    Raises:
        NotApplicable: If it has no meaning there.
    """
    return tuple(request for one in cell.each() for request in need.requests(one))
