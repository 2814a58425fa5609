"""Labels of the targets: from columns of 0 and 1, or from the list of an image's classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.tables import Row
from audit_suite.errors import AuditError

_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def binary_labels(columns: Mapping[str, str], row: Row, problems: Problems) -> dict[str, int]:
    """The labels of a row by target; whatever is not 0 or 1 is noted as a problem.

    Args:
        columns: The label column of each target.
        row: The row.
        problems: Where to note what is wrong.
    """
    labels = {}
    for target, column in columns.items():
        text = row.values[column]
        if text not in _LABELS:
            what = "is not 0 or 1" if text else "is missing"
            problems.add(f"row {row.number}, column '{column}': the label {what}")
        labels[target] = _LABELS.get(text, 0)
    return labels


def class_labels(card: DatasetCard, classes: Collection[str]) -> dict[str, int]:
    """1 for every target whose class is among an image's; names compare in lower case."""
    present = {name.strip().lower() for name in classes}
    return {
        name: int((target.column or name).strip().lower() in present)
        for name, target in card.targets.items()
    }


def require_classes(card: DatasetCard, path: Path, known: Iterable[str]) -> None:
    """Refuse a target whose class occurs nowhere: a typing error would make it all negative.

    Raises:
        AuditError: If there is one; names some classes that do occur.
    """
    present = {name.strip().lower() for name in known}
    for name, target in card.targets.items():
        if (target.column or name).strip().lower() not in present:
            raise AuditError(
                f"{card.path}: key 'targets.{name}': no image of {path} has the class "
                f"'{target.column or name}'",
                f"classes there: {', '.join(sorted(present)[:20])}",
            )
