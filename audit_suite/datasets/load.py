"""From a card to a data set: read, select, and require both classes of each labelled target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit_suite.cards import DatasetCard
from audit_suite.datasets.checked import read_checked
from audit_suite.datasets.dataset import Case, Dataset
from audit_suite.datasets.once import content, kept_once
from audit_suite.datasets.reader import reader_of
from audit_suite.datasets.selection import sampled, selected
from audit_suite.datasets.tags import with_numbers
from audit_suite.errors import AuditError


def load_dataset(card: DatasetCard, max_cases: int | None = None) -> Dataset:
    """Load a data set by its card.

    Args:
        card: The card.
        max_cases: Keep about so many images of whole patients, chosen by a hash (smoke runs).

    Raises:
        AuditError: If the card's files are wrong (all problems of a list at once), or an
            extension's reader raises or returns something else than a data set.
    """
    dataset = read_checked(card)
    if not reader_of(card).selects_rows:
        dataset = selected(dataset)
    dataset = with_numbers(dataset)
    if max_cases is not None and max_cases < len(dataset.cases):
        dataset = sampled(dataset, max_cases)
    if not card.unlabelled:
        _require_both_classes(dataset)
    return replace(dataset, cases=tuple(_with_shared(dataset.cases)))


def _with_shared(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases; those with the same labels or the same tags share them, as there are few of each.

    200,000 cases would otherwise take more memory than all that an audit imports.
    """
    labels_once, tags_once = kept_once(content), kept_once(content)
    for case in cases:
        labels, metadata = labels_once(case.labels), tags_once(case.metadata)
        shares = labels is case.labels and metadata is case.metadata
        yield case if shares else replace(case, labels=labels, metadata=metadata)


def _require_both_classes(dataset: Dataset) -> None:
    for target in dataset.card.targets:
        labels = {case.labels[target] for case in dataset.cases if target in case.labels}
        if labels != {0, 1}:
            only = f"only label {labels.pop()}" if labels else "no image at all"
            raise AuditError(
                f"{dataset.card.path}: target '{target}' has {only} after split and filter",
                "AUROC needs both classes: change the split or the filter, or drop the target",
            )
