"""Dilation: estimates against the radius by which the region was grown."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.record import Finding, Record
from audit_suite.report.charts import too_many_to_draw
from audit_suite.report.charts.curves import Curves, curves
from audit_suite.report.section import APPENDIX, Section, register_section


def view(record: Record, findings: Sequence[Finding]) -> tuple[tuple[Finding, Curves], ...]:
    """Each finding with the curves of its estimates."""
    if too_many_to_draw(record):
        return ()
    drawn = ((finding, curves(finding.observations)) for finding in findings)
    return tuple((finding, chart) for finding, chart in drawn if chart is not None)


def shows(finding: Finding, _record: Record) -> bool:
    """Whether an estimate of the finding is a point of a curve."""
    return any("radius" in estimate.at for estimate in finding.observations)


register_section(
    Section(name="curves", title="Dilation", rank=APPENDIX + 10, view=view, shows=shows)
)
