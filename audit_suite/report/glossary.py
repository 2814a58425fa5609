"""The glossary: every code of the page with its question, so that no code stands alone."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.record import Record
from audit_suite.record.policy import Role

ROLES: dict[Role, str] = {
    "required": "required: must pass",
    "shown": "must pass where it applies",
    "guard": "guards: must not fail",
    "data": "judges the data, not the model",
    "context": "never decides",
}


@dataclass(frozen=True)
class Code:
    """One check: its code, what it is called, what it asks, what its verdict does and means."""

    check: str
    title: str
    question: str
    role: str
    advice: dict[str, str]


def glossary(record: Record) -> tuple[Code, ...]:
    """An entry for each check of the findings, in their order; each once."""
    codes: dict[str, Code] = {}
    for finding in record.findings:
        entry = Code(
            finding.check, finding.title, finding.question, ROLES[finding.role], finding.advice
        )
        codes.setdefault(finding.check, entry)
    return tuple(codes.values())
