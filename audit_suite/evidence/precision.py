"""The precision of scores on CUDA: the fastest that was seen to change no verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.breakdown import as_audit_error
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.profile import FASTEST_FIRST, EvidenceProfile, Precision
from audit_suite.evidence.store import EvidenceStore

CHECKED = 128  # images, each whole and with its middle hidden
MOST_AUROC = 0.002  # change of an AUROC of these that is neutral
LEAST_RANK = 0.999  # rank correlation with the scores of fp32
MOST_LOGIT = 0.25  # largest change of a score, in standard deviations of the scores
_MEASURE = "audit_suite.evidence.scores.neutral:measure"

Pair = tuple[ModelCard, int | None, DatasetCard]


class Source(Protocol):
    """What is needed of a source of evidence."""

    store: EvidenceStore
    profile: EvidenceProfile
    offline: bool

    def dataset(self, card: DatasetCard) -> Dataset:
        """The data set of a card."""
        ...

    def model_digest(self, card: ModelCard, fold: int | None) -> str:
        """SHA-256 of what determines a model's scores."""
        ...

    def call(self, function: str, *arguments: Any, of: Iterable[ModelCard]) -> Any:
        """What a function returns that runs elsewhere."""
        ...


@dataclass(frozen=True)
class Change:
    """How scores of a precision differ from those of fp32, on a sample; the worst of all targets.

    Attributes:
        logit: Largest change of a score, in standard deviations of the scores.
        auroc: Largest change of an AUROC; 0 for targets of one class in the sample.
        rank: Smallest rank correlation.
    """

    logit: float
    auroc: float
    rank: float

    @property
    def words(self) -> str:
        """The changes, for messages."""
        return (
            f"an AUROC by up to {self.auroc:.2g}, a score by up to {self.logit:.2g} standard "
            f"deviations, and their ranks correlate by {self.rank:.4f}"
        )

    @property
    def neutral(self) -> bool:
        """Whether it is too small to move a verdict; false where a score is not a number."""
        return self.auroc <= MOST_AUROC and self.rank >= LEAST_RANK and self.logit <= MOST_LOGIT


def fastest_neutral(changes: Mapping[str, Change]) -> Precision:
    """The fastest precision that is neutral; fp32 if none is."""
    for precision in FASTEST_FIRST:
        if precision in changes and changes[precision].neutral:
            return precision
    return "fp32"


class Precisions:
    """The precision of each model on each data set, measured once and kept in the store."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._changes: dict[Pair, Mapping[str, Change] | AuditError] = {}

    def of(self, pair: Pair) -> Precision:
        """The precision in which a model scores a data set: as the profile says, else measured.

        Raises:
            AuditError: If it is another than fp32, and the model or data set cannot be loaded, or
                the precision that was chosen changes scores by too much.
        """
        chosen = self._source.profile.precision
        if chosen == "fp32":
            return chosen
        changes = self._measured(pair)
        if chosen is None:
            return fastest_neutral(changes)
        if chosen in changes and not changes[chosen].neutral:
            raise AuditError(
                f"--audit-precision={chosen}: on {CHECKED} images of '{pair[2].name}' the scores "
                f"of '{pair[0].name}' change too much for a verdict: {changes[chosen].words}",
                "use --audit-precision=fp32, or leave the option out",
            )
        return chosen

    def summary(self) -> list[dict[str, Any]]:
        """What was measured, for a record's environment; empty where the profile decides."""
        return [
            {
                "model": model.fold_name(fold),
                "dataset": dataset.name,
                "precision": fastest_neutral(changes),
                "images": CHECKED,
                "changes": {name: vars(change) for name, change in sorted(changes.items())},
            }
            for (model, fold, dataset), changes in self._changes.items()
            if not isinstance(changes, AuditError)
        ]

    def _measured(self, pair: Pair) -> Mapping[str, Change]:
        if pair not in self._changes:
            try:
                self._changes[pair] = self._read(pair)
            except AuditError as error:
                self._changes[pair] = error
        changes = self._changes[pair]
        if isinstance(changes, AuditError):
            raise changes
        return changes

    def _read(self, pair: Pair) -> Mapping[str, Change]:
        source, (model, fold, dataset) = self._source, pair
        key = precision_key(source, pair)
        arrays = source.store.read(key)
        if arrays is None and source.offline:
            return {}
        if arrays is None:
            try:
                source.call(_MEASURE, model, fold, dataset, of=[model])
            except (AuditError, KeyboardInterrupt):
                raise
            except BaseException as error:  # a model's code may raise anything
                doing = f"{model.path}: comparing precisions on '{dataset.name}'"
                raise as_audit_error(error, doing) from None
            arrays = source.store.read(key) or {}
        return {name: Change(*np.asarray(row).tolist()) for name, row in arrays.items()}


def precision_key(source: Source, pair: Pair) -> str:
    """The store key of what was measured for a model on a data set.

    Raises:
        AuditError: If the model or data set cannot be loaded.
    """
    model, fold, dataset = pair
    digests = source.model_digest(model, fold), source.dataset(dataset).digest
    return canonical_digest(["precision", ENGINE_VERSION, *digests, source.profile.digest()])
