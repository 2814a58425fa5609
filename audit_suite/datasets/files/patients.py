"""The patient of a row: one column of a table, or several that identify a patient together."""

from __future__ import annotations

import json

from audit_suite.cards import Columns
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.tables import Row
from audit_suite.datasets.tags import is_missing


def patient_of(columns: Columns, row: Row) -> str:
    """The patient of a row; empty where a part of it is missing.

    Several columns are joined so that no two patients become one: as a list in JSON.
    """
    parts = [row.values[name] for name in columns.patients]
    if any(map(is_missing, parts)):
        return ""
    return parts[0] if len(parts) == 1 else json.dumps(parts)


def note_missing_patient(columns: Columns, row: Row, problems: Problems) -> None:
    """Note a row whose patient is missing, by the column."""
    for name in columns.patients:
        if is_missing(row.values[name]):
            problems.add(f"row {row.number}, column '{name}': the patient is missing")
