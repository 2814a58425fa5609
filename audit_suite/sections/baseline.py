"""The release against the one before: the checks that got worse, better, or were left out."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.record import Finding, Record
from audit_suite.report.changes import Changes, changes_of
from audit_suite.report.section import Section, register_section


def view(record: Record, _findings: Sequence[Finding]) -> Changes | None:
    """The comparison, if the audit had a baseline."""
    return None if record.baseline is None else changes_of(record.baseline)


SECTION = register_section(Section("baseline", "Against the baseline", view, rank=20))
