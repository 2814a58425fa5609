"""Geometry of the charts, in SVG units; templates only draw them."""

from __future__ import annotations

from audit_suite.record import Record

MANY = 400
"""Comparisons of a record, or findings that did not pass: those beyond it are listed, not drawn."""


def too_many_to_draw(record: Record) -> bool:
    """Whether charts of all comparisons would make the page too large to open."""
    return sum(len(finding.comparisons) for finding in record.findings) > MANY
