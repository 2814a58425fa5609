"""What the whole audit would take, and whether it could open."""

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
from audit_suite.statistics.design import Cohort
from audit_suite.statistics.opening_chance import chance_to_open
from audit_suite.suites.test_region_sensitivity import CLAIM_ROOM, LEAST_SKILL

_AROUND = 1.3  # masking, storing and reading masks, beside the forward passes
_BEST = 0.99  # AUROC beyond which a small sample tells no more


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


def cohort_of(dataset: Dataset, target: str) -> Cohort:
    """The patients of a data set who have a label of a target."""
    labelled = [case for case in dataset.cases if target in case.labels]
    positive = {case.patient for case in labelled if case.labels[target] == 1}
    patients = {case.patient for case in labelled}
    return Cohort(len(positive), len(patients - positive), len(labelled) / max(1, len(patients)))


def open_if_honest(cohort: Cohort, auroc: float, claim: float | None) -> float:
    """The chance that the gate opens for a model that has this skill from the region alone."""
    floor = LEAST_SKILL if claim is None else max(LEAST_SKILL, claim - CLAIM_ROOM)
    return chance_to_open(min(auroc, _BEST), cohort, floor)
