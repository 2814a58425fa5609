"""What an executor is asked to do with models: identify them, and compute evidence on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pkgutil import resolve_name
from typing import Any

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.evidence.source import EvidenceSource, Progress, Request

Failures = list[tuple[int, str, str]]
"""What could not be computed: a request by its position, what happened, and what to do next."""


def identify(
    source: EvidenceSource, _say: Progress, card: ModelCard, fold: int | None
) -> tuple[str, list[str]]:
    """SHA-256 of everything that determines a model's scores, as it was loaded, and its notes.

    Raises:
        AuditError: If it cannot be loaded.
    """
    model = source.model(card, fold)
    return model.digest, list(model.notes)


def try_models(source: EvidenceSource, say: Progress, *requests: Request[Any]) -> Failures:
    """Try each model on a few images: is it a function of them, and the one that was stored?

    Raises:
        Exception: Whatever a model's code raises.
    """
    from audit_suite.evidence.scores.rescore import rescore

    rescore(requests, source, say)
    return _failures(requests, source)


def compute(source: EvidenceSource, say: Progress, *requests: Request[Any]) -> Failures:
    """Compute and store what is missing; every kind of evidence has a function that does it.

    Raises:
        Exception: Whatever a model's code raises; extensions' functions are named in failures.
    """
    for function, group in groupby(requests, key=lambda request: request.executor):
        _compute(function, tuple(group), source, say)
    return _failures(requests, source)


def _failures(requests: Sequence[Request[Any]], source: EvidenceSource) -> Failures:
    failures = ((number, source.failure(request)) for number, request in enumerate(requests))
    return [(number, e.what, e.remedy) for number, e in failures if e is not None]


def _compute(
    function: str, requests: Sequence[Request[Any]], source: EvidenceSource, say: Progress
) -> None:
    try:
        resolve_name(function)(requests, source, say)
    except Exception as error:
        if function.startswith("audit_suite."):
            raise
        failure = AuditError(
            f"the executor '{function}' of an extension's evidence raised "
            f"{type(error).__name__}: {error}",
            "correct it, or audit without it; stored evidence is kept, and the next run continues "
            "from there",
        )
        for request in requests:
            source.failures.setdefault(request, failure)
