"""The protocol of a need: what a check may ask for, as a pure function of stored evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking
from audit_suite.statistics import Estimate, Exact, mean_of_folds


@runtime_checkable
class Need(Protocol):
    """Something that can be estimated in one cell (model x data set x target) of the audit.

    A new kind of need is a small frozen dataclass with these three members; nothing is registered.
    Needs whose answer is not one estimate are `Listing`.
    """

    @property
    def id(self) -> str:
        """Stable ASCII slug that tells needs of one kind apart, part of case ids."""
        ...

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """The evidence this need will read, of whatever kind.

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
class Listing(Protocol):
    """A need whose answer is an exact figure, or several estimates, of the whole cell.

    Where a `Need` gives one estimate per fold, and the mean over folds counts, this is asked once.
    """

    @property
    def id(self) -> str:
        """As `Need.id`."""
        ...

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """As `Need.requests`."""
        ...

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact | tuple[Estimate, ...]:
        """The figure, or the estimates; at least one.

        Raises:
            NotApplicable: If the need has no meaning in this cell.
            AuditError: If the evidence cannot be had.
        """
        ...


Answer = Estimate | Exact | tuple[Estimate, ...]


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


def answer_in(need: Need | Listing, cell: Cell, source: EvidenceSource) -> Answer:
    """A need's answer in a cell: what a check's argument gets.

    Raises:
        NotApplicable: If it has no meaning there.
        AuditError: If the evidence cannot be had.
    """
    if isinstance(need, Need):
        return estimate_in(need, cell, source)
    return need.answer(cell, source)


def estimate_in(need: Need, cell: Cell, source: EvidenceSource) -> Estimate:
    """A need's estimate in a cell, the mean over its folds where estimates are averaged.

    Raises:
        NotApplicable: If it has no meaning there.
        AuditError: If the evidence cannot be had.
    """
    return mean_of_folds([need.estimate(one, source) for one in cell.each()])


def requests_in(need: Need | Listing, cell: Cell) -> tuple[Request[Any], ...]:
    """The evidence of a need in a cell, over all its folds.

    Raises:
        NotApplicable: If it has no meaning there.
    """
    if not isinstance(need, Need):
        return need.requests(cell)
    return tuple(request for one in cell.each() for request in need.requests(one))
