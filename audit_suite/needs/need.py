"""The protocol of a need: what a check may ask for, as a pure function of stored evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.maskings import Masking
from audit_suite.statistics import Estimate, Exact, Searched, mean_of_folds

_known: dict[type, bool] = {}


@runtime_checkable
class Need(Protocol):
    """Something that can be estimated in one cell (model x data set x target) of the audit.

    A new kind of need is a small frozen dataclass with these three members; it is not registered.
    A need whose answer is not one estimate is a `Listing`.
    """

    @property
    def id(self) -> str:
        """Stable ASCII slug that distinguishes needs of one kind; part of case ids."""
        ...

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """The evidence that `estimate` will read, of any kind.

        Args:
            cell: Model, data set and target; of one fold where estimates are averaged over folds.

        Raises:
            NotApplicable: If the need has no meaning in this cell; the message says why.
        """
        ...

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Turn stored evidence into an estimate, without reading or writing anything else.

        Args:
            cell: As for `requests`.
            source: Data sets and stored evidence.

        Raises:
            NotApplicable: If the evidence shows that the need has no meaning in this cell.
            AuditError: If the evidence is missing and cannot be computed.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A need whose answer is an exact figure, or several estimates, for the whole cell.

    A `Need` is asked per fold and averaged where the cell averages estimates; this is asked once.
    """

    @property
    def id(self) -> str:
        """As `Need.id`."""
        ...

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """As `Need.requests`."""
        ...

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact | tuple[Estimate, ...] | Searched:
        """The figure, one or more estimates, or what a search found.

        Raises:
            NotApplicable: If the need has no meaning in this cell.
            AuditError: If the evidence is missing and cannot be computed.
        """
        ...


NeedAnswer = Estimate | Exact | tuple[Estimate, ...] | Searched


@runtime_checkable
class Expanding(Protocol):
    """Several needs that are known only at collection, when models and data sets are known."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Need, ...]:
        """One or more needs for a cell.

        Args:
            cell: Model, data set and target.
            maskings: Those named by ``--audit-masking`` or the data set's card.
        """
        ...


def answer_in(need: Need | Listing, cell: Cell, source: EvidenceSource) -> NeedAnswer:
    """A need's answer in a cell, as a check's argument receives it.

    Raises:
        NotApplicable: If the need has no meaning there.
        AuditError: If the evidence is missing and cannot be computed.
    """
    if isinstance(need, Need):
        return estimate_in(need, cell, source)
    return need.answer(cell, source)


def estimate_in(need: Need, cell: Cell, source: EvidenceSource) -> Estimate:
    """A need's estimate in a cell: the mean over its folds where the cell averages estimates.

    Raises:
        NotApplicable: If the need has no meaning there.
        AuditError: If the evidence is missing and cannot be computed.
    """
    return mean_of_folds([need.estimate(one, source) for one in cell.each()])


def requests_in(need: Need | Listing, cell: Cell) -> tuple[Request[Any], ...]:
    """The evidence that a need will read in a cell, over all its folds.

    Raises:
        NotApplicable: If the need has no meaning there.
    """
    if _is_need(need):
        return tuple(request for one in cell.each() for request in need.requests(one))
    return need.requests(cell)


def _is_need(declared: Need | Listing) -> TypeGuard[Need]:
    """Whether it gives one estimate, found out once for each class: its instances are alike.

    Of 10,000 checks Python 3.11 would compare members with those of the protocol for a second.
    """
    kind = type(declared)
    if kind not in _known:
        _known[kind] = isinstance(declared, Need)
    return _known[kind]
