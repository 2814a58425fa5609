"""Have missing evidence computed, where models run; what breaks down fails alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from pydantic import TypeAdapter

from audit_suite.errors import AuditError
from audit_suite.evidence.breakdown import as_audit_error, checked, parts_of
from audit_suite.evidence.pixels import images_of
from audit_suite.evidence.scores.ahead import prepared_ahead
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Progress, Request, pair, plan, refused

_TRY = "audit_suite.evidence.jobs:try_models"
_COMPUTE = "audit_suite.evidence.jobs:compute"
_FAILURES = TypeAdapter(list[tuple[int, str, str]])


def compute(
    requests: Iterable[Request[Any]],
    source: EvidenceSource,
    progress: Progress = lambda line: None,
) -> None:
    """Compute and store the evidence that is missing, of any kind.

    Each model is first tried (`try_models`).

    Several processes may call this with the same requests and one store: each claims what it
    computes and waits for what others have claimed. Failures, including exceptions of an
    extension's executor, are recorded in ``source.failures``, and the rest is still computed. A
    request with a recorded failure is not tried again.

    Args:
        requests: The requested evidence.
        source: Data sets, models, profile and store.
        progress: Called with a line of text now and then.
    """
    wanted = plan(requests)
    try_models(wanted, source, progress)
    with source.store.following(progress), _sharing(wanted, source, progress):
        for together in _by_place((r for r in wanted if _undone(r, source)), source):
            _ask(_COMPUTE, together, source, progress)


def try_models(
    requests: Iterable[Request[Any]], source: EvidenceSource, progress: Progress
) -> None:
    """Try each model once on a few images of each data set, and compare with what is stored.

    See `scores.rescore`. Failures are recorded in ``source.failures``.

    Args:
        requests: The evidence that will be computed or read.
        source: Data sets, models, profile and store.
        progress: Called with a line of text if stored evidence is discarded.
    """
    untried = [request for request in plan(requests) if pair(request) not in source.tried]
    source.tried.update(map(pair, untried))
    if not untried:
        return
    with source.store.following(progress):
        if source.shared is not None:
            source.shared.fetch(_images(untried, source), progress)
        places = list(_by_place(untried, source))
        if source.store.is_empty():  # else it takes the first model to know what is missing
            source.executor.expect([places[0][0].model], tuple(places[0]), source)
        source.store.fetch(_keys(untried, source))  # who tries a model compares with what is stored
        for together in places:
            _ask(_TRY, together, source, progress)


def _sharing(
    requests: Sequence[Request[Any]], source: EvidenceSource, progress: Progress
) -> AbstractContextManager[None]:
    """Send what is prepared of the images of some requests, where machines share it."""
    if source.shared is None or not requests:
        return nullcontext()
    return source.shared.following(_images(requests, source), progress)


def _images(requests: Iterable[Request[Any]], source: EvidenceSource) -> Iterator[str]:
    """With what the cached names of all images begin that some requests read."""
    for card in dict.fromkeys(request.dataset for request in requests):
        with suppress(AuditError):
            yield from images_of(source.dataset(card))


def _keys(requests: Iterable[Request[Any]], source: EvidenceSource) -> Iterator[str]:
    """The store keys of some requests; those whose model or data set cannot be used have none."""
    for request in requests:
        with suppress(AuditError):
            yield from request.keys(source)


def _by_place(
    requests: Iterable[Request[Any]], source: EvidenceSource
) -> Iterable[list[Request[Any]]]:
    """Requests of one kind whose models run at one place."""
    places: dict[Hashable, list[Request[Any]]] = {}
    for request in requests:
        key = request.executor, source.executor.place(request.model)
        places.setdefault(key, []).append(request)
    return places.values()


def _undone(request: Request[Any], source: EvidenceSource) -> bool:
    """Whether there is something to compute."""
    if source.failure(request) is not None:
        return False
    try:
        return bool(source.missing(request))
    except AuditError:
        return True


def _ask(
    job: str, requests: Sequence[Request[Any]], source: EvidenceSource, progress: Progress
) -> None:
    """Have a job done for some requests at their common place.

    If that breaks down, smaller parts are tried one by one, so that what broke it fails alone.
    """
    model = requests[0].model
    try:
        models = dict.fromkeys(request.model for request in requests)
        if job == _COMPUTE:
            with _ahead(requests, source):
                answers = source.spread(job, *requests, of=models, say=progress)
        else:
            answers = [source.call(job, *requests, of=models, say=progress)]
        errors = [one for answer in answers for one in checked(_FAILURES, answer)]
        failed = {number: AuditError(*error) for number, *error in errors}
        for number, request in enumerate(requests):
            if number in failed and source.failure(request) is None:
                source.failures[_failing(job, request)] = failed[number]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a model's code may raise anything
        parts = parts_of(requests)
        if len(parts) > 1:
            for part in parts:
                if left := [request for request in part if _undone(request, source)]:
                    _ask(job, left, source, progress)
            return
        doing = f"{model.path}: computing the model's evidence on '{requests[0].dataset.name}'"
        failure = as_audit_error(error, doing)
        for request in requests:
            if job == _TRY or _undone(request, source):  # not what another process finished
                source.failures.setdefault(_failing(job, request), failure)


def _ahead(
    requests: Sequence[Request[Any]], source: EvidenceSource
) -> AbstractContextManager[None]:
    """Have the images of scores prepared meanwhile, where the models cannot be kept busy else."""
    scores = [r for r in requests if isinstance(r, ScoreRequest)]
    if len(scores) < len(requests) or requests[0].executor != ScoreRequest.executor:
        return nullcontext()
    return prepared_ahead(scores, source)


def _failing(job: str, request: Request[Any]) -> Hashable:
    """What fails with a job: the request, or all evidence of its model on its data set."""
    return refused(request) if job == _TRY else request
