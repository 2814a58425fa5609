"""Labels of the targets: from the columns of a table, or from the list of an image's classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.label_advice import absent, fault
from audit_suite.datasets.files.label_rule import Said, label_of, reading
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.tables import Row
from audit_suite.errors import AuditError

_RULED = (Said.MISSING, Said.UNCERTAIN)


@dataclass(frozen=True)
class Labels:
    """The labels of one image.

    Attributes:
        labels: 0 or 1 by target; a target that the image has no label of is missing.
        ruled: By target ``missing`` or ``uncertain``, where a rule of the card decided.
    """

    labels: Mapping[str, int]
    ruled: Mapping[str, str]


def column_labels(
    card: DatasetCard, rows: Sequence[tuple[Row, str]], problems: Problems
) -> dict[int, Labels]:
    """The labels of the rows by row number, as the card says that columns are to be read.

    Args:
        card: The card; a target without ``column`` has its name for one.
        rows: The rows, each with its patient.
        problems: Where to note what cannot be read, once for each column and fault.
    """
    labels: dict[int, dict[str, int]] = {row.number: {} for row, _ in rows}
    ruled: dict[int, dict[str, str]] = {row.number: {} for row, _ in rows}
    for name, target in card.targets.items():
        column = target.column or name
        if card.unlabelled and rows and column not in rows[0][0].values:
            continue  # labels that are yet to come
        says = reading(target)
        faults = defaultdict(list)
        positive = False
        for row, _ in rows:
            said = says(row.values[column])
            label = label_of(target, said)
            positive |= said is Said.POSITIVE
            if said in _RULED:
                ruled[row.number][name] = said.value
            if label is not None:
                labels[row.number][name] = label
            elif card.unlabelled and said is Said.MISSING:
                continue
            elif said not in _RULED or getattr(target, said.value) == "error":
                faults[said].append(row.number)
        cells = [(row.values[column], patient) for row, patient in rows]
        for said, numbers in faults.items():
            problems.add(*fault(card, name, said, numbers, cells))
        odd = rows and (target.equals or target.contains) and not card.unlabelled
        if odd and not positive and not faults:
            problems.add(*absent(card, name, cells))
    return {number: Labels(labels[number], ruled[number]) for number in labels}


def note_rules(card: DatasetCard, entries: Sequence[Entry], problems: Problems) -> None:
    """Note for the report how many labels a rule of the card decided, by target and reason."""
    for name, target in card.targets.items():
        for said in _RULED:
            count = sum(entry.ruled.get(name) == said.value for entry in entries)
            rule = getattr(target, said.value)
            if count and rule == "exclude":
                problems.note(
                    f"target '{name}': the label of {count} images is {said.value}: they are left "
                    f"out for this target alone"
                )
            elif count:
                problems.note(
                    f"target '{name}': the label of {count} images is {said.value} and counts as "
                    f"{rule}"
                )


def with_labels(entries: Sequence[Entry], problems: Problems) -> list[Entry]:
    """The entries that have a label of any target; the others are left out and counted."""
    for entry in entries:
        if not entry.labels:
            problems.leave_out("no label of any target")
    return [entry for entry in entries if entry.labels]


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
