"""What was asked of which model, on which data, for which target."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.record import Finding, Record
from audit_suite.report.places import Place, by_place, place_of


@dataclass(frozen=True)
class CoverageRow:
    """One check at all places; an empty cell where it was not asked."""

    check: str
    title: str
    cells: tuple[tuple[Finding, ...], ...]


@dataclass(frozen=True)
class Coverage:
    """Every check by place."""

    places: tuple[Place, ...]
    rows: tuple[CoverageRow, ...]


def coverage(record: Record) -> Coverage:
    """Lay out the verdicts of a record as a table of checks by places."""
    places = _places(record)
    checks: dict[tuple[str, str], list[Finding]] = {}
    for finding in record.findings:
        checks.setdefault((finding.check, finding.title), []).append(finding)
    rows = []
    for (check, title), findings in checks.items():
        here = by_place(findings)
        cells = tuple(tuple(here.get(place, ())) for place in places)
        rows.append(CoverageRow(check, title, cells))
    return Coverage(places, tuple(rows))


def _places(record: Record) -> tuple[Place, ...]:
    """Every model with every target of every data set, asked or not, and what findings name."""
    spanned = [
        (model.name, dataset.name, target)
        for model in record.provenance.models
        for dataset in record.provenance.datasets
        for target in dataset.targets
    ]
    return tuple(dict.fromkeys([*spanned, *(place_of(finding) for finding in record.findings)]))
