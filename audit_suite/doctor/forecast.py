"""What the whole audit would take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit_suite.audit.opening import Audit, open_audit
from audit_suite.audit.settings import Settings
from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets import Dataset
from audit_suite.evidence import EvidenceSource, Request
from audit_suite.evidence.passes import passes

_AROUND = 1.3  # masking, storing and reading masks, beside the forward passes


def open_for(models: Sequence[ModelCard], datasets: Sequence[DatasetCard], evidence: Path) -> Audit:
    """The whole audit of some cards; computes nothing.

    Raises:
        AuditError: If the cards have no target in common.
    """
    named = tuple(card.path for card in models), tuple(card.path for card in datasets)
    return open_audit(Settings(models=named[0], datasets=named[1], evidence=evidence))


def audit_seconds(
    requests: Sequence[Request[Any]],
    source: EvidenceSource,
    model: ModelCard,
    dataset: Dataset,
    forward: float,
    reading: float,
) -> float:
    """Seconds that the evidence of a model on a data set takes, about.

    Args:
        requests: What the whole audit asks for.
        source: The data sets.
        model: The model.
        dataset: The data set.
        forward: Seconds of one forward pass.
        reading: Seconds in which one image is read and brought to its size.
    """
    mine = [
        request for request in requests if (request.model, request.dataset) == (model, dataset.card)
    ]
    return _AROUND * forward * passes(mine, source) + reading * len(dataset.cases)
