"""Drift: how the numbers of new cases compare with those of the audited ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import Section, register_section
from audit_suite.report.words import word

NAME = "drift"


@dataclass(frozen=True)
class DriftRow:
    """One number, of all new cases or of a group, beside the audited ones."""

    what: str
    group: str
    chance: EstimateRecord
    p: float
    verdict: str


@dataclass(frozen=True)
class PlaceDrift:
    """The rows of one place, and with which data set it is compared."""

    place: Place
    rows: tuple[DriftRow, ...]
    audited: str


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceDrift, ...]:
    """One table per place with numbers, all cases first."""
    audited = str(record.sections.get(NAME, {}).get("dataset", "the audited data set"))
    tables = []
    for place, here in by_place(findings).items():
        rows = [row for finding in here for row in _rows(finding)]
        if rows:
            rows.sort(key=lambda row: row.group != "")
            tables.append(PlaceDrift(place, tuple(rows), audited))
    return tuple(tables)


def _rows(finding: Finding) -> Iterator[DriftRow]:
    for comparison in finding.comparisons:
        chance = comparison.estimate
        p = chance.at.get("p", comparison.p_raw)
        group = str(chance.at.get("group", ""))
        verdict = word(finding) if not group else str(comparison.verdict)
        yield DriftRow(str(chance.at.get("drift", "")), group, chance, float(p), verdict)


register_section(Section(name=NAME, title="Drift since the audit", rank=240, view=view))
