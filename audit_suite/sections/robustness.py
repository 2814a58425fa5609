"""Robustness: what each change of the picture does to scores, decisions and skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.charts import too_many_to_draw
from audit_suite.report.charts.severity import SeverityCurve, severity_curve
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import Section, register_section
from audit_suite.report.words import word

SHIFT, FLIPS, RESPONSE, CORRUPTION = "shift", "flips", "response", "corruption"


@dataclass(frozen=True)
class ChangeRow:
    """One change: the estimate and verdict of each of its checks, by part."""

    name: str
    known: dict[str, tuple[EstimateRecord, str]]


@dataclass(frozen=True)
class PlaceRobustness:
    """The changes and the corruptions of one place."""

    place: Place
    rows: tuple[ChangeRow, ...]
    curves: tuple[SeverityCurve, ...]
    verdicts: dict[str, str]
    drawn: bool


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceRobustness, ...]:
    """One table, and the curves, per place with numbers."""
    drawn = not too_many_to_draw(record)
    tables = []
    for place, here in by_place(findings).items():
        rows: dict[str, ChangeRow] = {}
        curves, verdicts = [], {}
        for finding in here:
            part = finding.section.rpartition(".")[2]
            if part == CORRUPTION and finding.observations:
                curves.append(severity_curve(finding.case, finding.observations))
                verdicts[finding.case] = word(finding)
            elif finding.estimate is not None:
                row = rows.setdefault(finding.case, ChangeRow(finding.case, {}))
                row.known[part] = finding.estimate, word(finding)
        if rows or curves:
            tables.append(
                PlaceRobustness(place, tuple(rows.values()), tuple(curves), verdicts, drawn)
            )
    return tuple(tables)


register_section(
    Section(
        name="robustness",
        title="Changes of the picture",
        rank=210,
        parts=(SHIFT, FLIPS, RESPONSE, CORRUPTION),
        view=view,
    )
)
