"""Read cards of both kinds, and gather all that is wrong with each instead of the first of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from audit_suite.cards import DatasetCard, ModelCard, load_dataset_card, load_model_card
from audit_suite.cards.common import with_path
from audit_suite.datasets import Dataset, load_dataset
from audit_suite.datasets.files.tables import read_rows
from audit_suite.datasets.tags import is_missing
from audit_suite.doctor.diagnosis import Symptom
from audit_suite.errors import AuditError
from audit_suite.models.vetting import require_files, require_input, require_trust


@dataclass
class Cards:
    """The cards that can be read, and what is wrong with the others.

    Attributes:
        models: Model cards.
        datasets: Data set cards.
        symptoms: What is wrong with files that are no usable cards.
    """

    models: list[ModelCard] = field(default_factory=list)
    datasets: list[DatasetCard] = field(default_factory=list)
    symptoms: list[Symptom] = field(default_factory=list)


def read_cards(paths: Sequence[Path]) -> Cards:
    """Read files, each of which is a model card or a data set card."""
    cards = Cards()
    for path in paths:
        try:
            if _is_dataset(path):
                cards.datasets.append(load_dataset_card(path))
            else:
                cards.models.append(load_model_card(path))
        except AuditError as error:
            cards.symptoms.append(Symptom.of(error))
    return cards


def _is_dataset(path: Path) -> bool:
    """Whether a card is one of a data set: it names a reader, or at least no loader."""
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8")).keys()
    except (OSError, ValueError, RecursionError):
        return False  # reading it as a model card says what is wrong
    dataset = {"reader", "regions", "manifest", "columns", "files", "root"}
    model = {"loader", "input", "weights", "architecture", "folds"}
    return len(keys & dataset) > len(keys & model)


def check_model(card: ModelCard) -> list[Symptom]:
    """What is wrong with a model's files, without running any of its code."""
    checks: list[Callable[[], None]] = [
        partial(require_trust, card),
        partial(require_input, card),
        *(partial(require_files, card, n) for n in (range(len(card.folds)) or [None])),
    ]
    symptoms = []
    for check in checks:
        try:
            check()
        except AuditError as error:
            symptoms.append(Symptom.of(error))
    return symptoms


def check_dataset(card: DatasetCard) -> tuple[Dataset | None, list[Symptom]]:
    """The data set, or all that keeps it from being read.

    One fault hides others: where a column of masks is missing, no label is looked at. So what is
    wrong is taken out of the card, part by part, and the rest is tried again.
    """
    try:
        return load_dataset(card), []
    except AuditError as error:
        first = error
    symptoms = [Symptom.of(first)]
    for part in _parts(card):
        try:
            load_dataset(part)
        except AuditError as error:
            if (symptom := Symptom.of(error)) not in symptoms:
                symptoms.append(symptom)
    return None, _without_repeated(symptoms)


def _parts(card: DatasetCard) -> Iterator[DatasetCard]:
    """The card without its regions and metadata, with one target at a time; then the rest alone."""
    bare: dict[str, object] = {
        "regions": {},
        "metadata": (),
        "mask_quality": None,
        "masks": None,
        "margins": {},
    }
    for name, target in card.targets.items():
        plain = {name: target.model_copy(update={"roi": ()})}
        yield _changed(card, targets=plain, **bare)
    if (readable := _any_label(card)) is not None:
        yield readable
    if card.metadata:
        yield _changed(card, **{k: v for k, v in bare.items() if k != "metadata"}, **_no_roi(card))


def _any_label(card: DatasetCard) -> DatasetCard | None:
    """The card with label columns whose every cell counts, so that what comes later is tried."""
    if card.reader != "manifest":
        return None
    try:
        rows = read_rows(
            card.resolve(card.root) / (card.manifest or ""), "'manifest'", delimiter=card.delimiter
        )
    except AuditError:
        return None
    open_ones = {}
    for name, target in card.targets.items():
        words = [row.values.get(target.column or "", "") for row in rows]
        known = next((word for word in words if not is_missing(word)), "")
        rule = {"values": None, "contains": None, "equals": known, "missing": "negative"}
        open_ones[name] = target.model_copy(update={**rule, "uncertain": "negative"})
        if not known:
            return None
    return _changed(card, targets=open_ones)


def _no_roi(card: DatasetCard) -> dict[str, object]:
    return {"targets": {n: t.model_copy(update={"roi": ()}) for n, t in card.targets.items()}}


def _changed(card: DatasetCard, **update: object) -> DatasetCard:
    return with_path(card.model_copy(update=update), card.path)


def _without_repeated(symptoms: list[Symptom]) -> list[Symptom]:
    """Drop what another symptom says word for word among more."""
    return [
        each
        for each in symptoms
        if not any(each.what in other.what and each is not other for other in symptoms)
    ]
