"""Geometry of the charts, in SVG units; templates only draw them."""

from __future__ import annotations

from itertools import islice

from audit_suite.record import Record

MANY = 400
"""Comparisons of a record that are drawn at most; findings that did not pass in full at most."""


def too_many_to_draw(record: Record) -> bool:
    """Whether charts of all comparisons would make the page too large to open."""
    comparisons = (None for finding in record.findings for _ in finding.comparisons)
    return any(True for _ in islice(comparisons, MANY, None))
