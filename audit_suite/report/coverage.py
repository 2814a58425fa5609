"""What was asked of which model, on which data, for which target: checks by risk and place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import Finding, Record
from audit_suite.report.places import Place, by_place, place_of
from audit_suite.report.severity import worst_first
from audit_suite.risks import OTHER, RISKS

_WIDE = 24  # places that stand side by side on one sheet
_FEW = 4  # places up to which two tables stand side by side


@dataclass(frozen=True)
class CoverageCell:
    """One check in one place: the case that says most, and how many cases it has."""

    finding: Finding
    cases: int


@dataclass(frozen=True)
class CoverageRow:
    """One check in some places; None where it was not asked."""

    check: str
    title: str
    cells: tuple[CoverageCell | None, ...]


@dataclass(frozen=True)
class CoverageTable:
    """The checks of one risk in some places.

    Attributes:
        question: What the checks ask together.
        numbers: The places, by their numbers in the list of places.
        rows: One for each check.
    """

    question: str
    numbers: tuple[int, ...]
    rows: tuple[CoverageRow, ...]


@dataclass(frozen=True)
class Coverage:
    """Every check by risk and place."""

    places: tuple[Place, ...]
    tables: tuple[CoverageTable, ...]

    @property
    def narrow(self) -> bool:
        """Whether two tables fit side by side."""
        return len(self.places) <= _FEW


def coverage(record: Record) -> Coverage:
    """Lay out the verdicts of a record as tables of checks by places, one for each risk."""
    places = _places(record)
    risks: dict[str, list[Finding]] = {name: [] for name in RISKS}
    for finding in record.findings:
        risks[finding.risk if finding.risk in RISKS else OTHER].append(finding)
    tables = [
        CoverageTable(RISKS[risk].question, tuple(numbers), tuple(_rows(findings, places, numbers)))
        for risk, findings in risks.items()
        if findings
        for numbers in _sheets(len(places))
    ]
    return Coverage(places, tuple(tables))


def _sheets(count: int) -> Iterator[range]:
    for first in range(1, count + 1, _WIDE):
        yield range(first, min(first + _WIDE, count + 1))


def _rows(
    findings: Sequence[Finding], places: Sequence[Place], numbers: Sequence[int]
) -> Iterator[CoverageRow]:
    checks: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        checks.setdefault((finding.check, finding.title), []).append(finding)
    for (check, title), cases in checks.items():
        here = by_place(cases)
        yield CoverageRow(
            check, title, tuple(_cell(here.get(places[number - 1], [])) for number in numbers)
        )


def _cell(cases: Sequence[Finding]) -> CoverageCell | None:
    return CoverageCell(min(cases, key=worst_first), len(cases)) if cases else None


def _places(record: Record) -> tuple[Place, ...]:
    """Every model with every target of every data set, asked or not, and what findings name."""
    spanned = [
        (model.name, dataset.name, target)
        for model in record.provenance.models
        for dataset in record.provenance.datasets
        for target in dataset.targets
    ]
    return tuple(dict.fromkeys([*spanned, *(place_of(finding) for finding in record.findings)]))
