"""Searched counterexamples: a case before and after the change that other patients confirmed."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.record import Finding, Record
from audit_suite.report.section import Section, register_section


def view(_record: Record, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, those with a counterexample first; none that was not searched for."""
    return tuple(sorted(findings, key=lambda finding: finding.counterexample is None))


register_section(
    Section(name="counterexamples", title="Searched counterexamples", rank=200, view=view)
)
