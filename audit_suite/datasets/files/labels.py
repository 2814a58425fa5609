"""Labels of the targets: from the columns of a table, or from the list of an image's classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.label_advice import absent, fault
from audit_suite.datasets.files.label_rule import Said, label_of, reading
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.files.tables import Row
from audit_suite.datasets.once import content, kept_once
from audit_suite.errors import AuditError

_RULED = (Said.MISSING, Said.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one image.

    Attributes:
        labels: 0 or 1 by target; a target that the image has no label of is missing.
        ruled: By target ``missing`` or ``uncertain``, where a rule of the card decided.
    """

    labels: Mapping[str, int]
    ruled: Mapping[str, str]


def _content(labels: Labels) -> Hashable:
    return content(labels.labels), content(labels.ruled)


def column_labels(
    card: DatasetCard, rows: Sequence[Row], patient: Callable[[Row], str], problems: Problems
) -> list[Labels]:
    """The labels of rows, as the card says that columns are to be read; equal ones are one object.

    Args:
        card: The card; a target without ``column`` has its name for one.
        rows: The rows.
        patient: The patient of a row.
        problems: Where to note what cannot be read, once for each column and fault.
    """
    columns = {name: target.column or name for name, target in card.targets.items()}
    if card.unlabelled and rows:  # labels that are yet to come
        columns = {name: column for name, column in columns.items() if column in rows[0].values}
    says = {name: reading(card.targets[name]) for name in columns}
    faults: dict[str, dict[Said, list[int]]] = {name: defaultdict(list) for name in columns}
    positive = set()
    made = []
    once = kept_once(_content)
    for row in rows:
        labels, ruled = {}, {}
        for name, column in columns.items():
            target, said = card.targets[name], says[name](row.values[column])
            label = label_of(target, said)
            if said is Said.POSITIVE:
                positive.add(name)
            if said in _RULED:
                ruled[name] = said.value
            if label is not None:
                labels[name] = label
            elif card.unlabelled and said is Said.MISSING:
                continue
            elif said not in _RULED or getattr(target, said.value) == "error":
                faults[name][said].append(row.number)
        made.append(once(Labels(labels, ruled)))
    for name, column in columns.items():
        target = card.targets[name]
        odd = rows and (target.equals or target.contains) and not card.unlabelled
        absent_word = odd and name not in positive and not faults[name]
        if not (faults[name] or absent_word):
            continue
        cells = [(row.values[column], patient(row)) for row in rows]
        for said, numbers in faults[name].items():
            problems.add(*fault(card, name, said, numbers, cells))
        if absent_word:
            problems.add(*absent(card, name, cells))
    return made


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
