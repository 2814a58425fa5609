"""Calibration: the reliability curve, and slope, intercept and error by group and masking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.charts import too_many_to_draw
from audit_suite.report.charts.reliability import Reliability, reliability
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import APPENDIX, Section, register_section
from audit_suite.report.words import masking_in_words


@dataclass(frozen=True)
class CalibrationRow:
    """The statistics of all patients, of one group, or under one masking, by name."""

    name: str
    known: dict[str, EstimateRecord]


@dataclass(frozen=True)
class PlaceCalibration:
    """The curve of one place, and its rows."""

    place: Place
    chart: Reliability | None
    rows: tuple[CalibrationRow, ...]


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceCalibration, ...]:
    """One curve and one table per place with numbers."""
    tables = []
    for place, here in by_place(findings).items():
        estimates = [one for finding in here for one in finding.observations]
        chart = None if too_many_to_draw(record) else reliability(estimates)
        if rows := _rows(estimates):
            tables.append(PlaceCalibration(place, chart, rows))
    return tuple(tables)


def shows(finding: Finding, _record: Record) -> bool:
    """Whether there are numbers, all of which are in the table or the curve."""
    return bool(finding.observations)


def _rows(estimates: Sequence[EstimateRecord]) -> tuple[CalibrationRow, ...]:
    rows: dict[str, CalibrationRow] = {}
    for one in estimates:
        if "predicted" in one.at:
            continue
        name = str(one.at.get("group") or masking_in_words(str(one.at.get("masking", "full"))))
        rows.setdefault(name, CalibrationRow(name, {})).known[str(one.at["statistic"])] = one
    return tuple(rows.values())


register_section(
    Section(name="probabilities", title="Calibration", rank=APPENDIX + 20, view=view, shows=shows)
)
