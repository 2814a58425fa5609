"""Search and confirm, where the model runs; each search once, by the process that claims it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.claimed import compute_claimed
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.evidence.store import Arrays, pack_lines
from audit_suite.maskings import Full
from audit_suite.pulse import counted
from audit_suite.search.effects import Floats, Half
from audit_suite.search.patients import (
    CONFIRMED,
    SEARCHED,
    Roles,
    contrast_roles,
    halves,
    risk_roles,
)
from audit_suite.search.prepare import prepare_roles
from audit_suite.search.request import SearchRequest
from audit_suite.search.walk import Budget, Found, search
from audit_suite.verdict import NotApplicable

_WORDS = {
    "positive": "without the finding and rightly called so",
    "negative": "with the finding and rightly called so",
}


def compute_searches(
    requests: Sequence[SearchRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Make and store the searches that are missing; safe for several processes with one store.

    Args:
        requests: The requested searches, as planned (`evidence.plan`).
        source: Data sets, models, profile and store.
        progress: Called with a line of text if something must be said.
    """
    del progress
    fix_arithmetic(source.profile)

    def make(request: SearchRequest) -> Arrays:
        with counted(request.passes(source)):
            return _searched(request, source)

    compute_claimed(requests, source, make)


def _searched(request: SearchRequest, source: EvidenceSource) -> Arrays:
    try:
        full = _full_scores(request, source)
        sides = _halves(request, source, full)
        roles = [
            _roles(request, source, full, half, count)
            for half, count in zip(sides, (SEARCHED, CONFIRMED), strict=True)
        ]
    except NotApplicable as refused:
        return {"refused": pack_lines([str(refused)])}
    known = full[~np.isnan(full)]
    trying, deciding = (
        Half(request, source, each, known, prepare_roles(request, source, each)) for each in roles
    )
    budget = Budget(request.limit, request.tries, request.shrinking, source.profile.seed)
    outcome = search(request.strategy, trying.effects, budget)
    return _to_store(request, source, outcome, deciding, full, len(roles[0].changed))


def _full_scores(request: SearchRequest, source: EvidenceSource) -> Floats:
    """The scores of all images of the data set that can be used, else NaN; shape (all images,)."""
    asked = ScoreRequest(request.model, request.fold, request.dataset, Full())
    table = source.read(asked)
    labels = source.dataset(request.dataset).labels_of(request.target)
    scores = table.scores[:, request.model.targets.index(request.target)]
    return np.where(table.used & (labels != UNLABELLED), scores, np.nan)


def _halves(
    request: SearchRequest, source: EvidenceSource, full: Floats
) -> tuple[list[int], list[int]]:
    usable = np.flatnonzero(~np.isnan(full))
    return halves(source.dataset(request.dataset), usable, request.target, source.profile.seed)


def _roles(
    request: SearchRequest, source: EvidenceSource, full: Floats, half: Sequence[int], count: int
) -> Roles:
    labels = source.dataset(request.dataset).labels_of(request.target)
    if request.strategy.swapped:
        return contrast_roles(half, labels, count)
    assert request.threshold is not None, "the need refuses a card without an operating point"
    called = full >= request.threshold
    positive = request.toward == "positive"
    at_risk = (labels == 0) & ~called if positive else (labels == 1) & called
    return risk_roles(half, at_risk, count, _WORDS[request.toward])


def _to_store(
    request: SearchRequest,
    source: EvidenceSource,
    outcome: Found,
    deciding: Half,
    full: Floats,
    searched_on: int,
) -> Arrays:
    """Confirm on the other half what was found, and put all of it into arrays."""
    roles, cases = deciding.roles, source.dataset(request.dataset).cases
    places = [each for each in (outcome.whole, outcome.place) if each is not None]
    places.sort(key=lambda each: -each[1])
    confirmed = [deciding.changed_by(change) for change, _ in places]
    donors = [part for part in (roles.having, roles.lacking) if len(part)]
    seen = np.all(
        [[cases[int(i)].shown for i in part] for part in (roles.changed, *donors)], axis=0
    )
    median = [_near_median(each.effects, seen) for each in confirmed]
    pictures = [deciding.pictures(c, case) for (c, _), case in zip(places, median, strict=True)]
    if not seen.any():
        pictures = [picture * 0 for picture in pictures]
    shape = (0, *deciding.prepared.images.shape[1:])
    n = len(roles.changed)
    arrays: Arrays = {
        "tries": pack_lines([repr(change) for change in outcome.tries]),
        "effects": np.array(list(outcome.tries.values()), np.float64),
        "numbers": np.array(
            [outcome.best, outcome.floor, outcome.shrinking, searched_on], np.float64
        ),
        "changed": roles.changed,
        "donors": np.stack(donors, axis=1) if donors else np.zeros((n, 0), np.int_),
        "before": full[roles.changed],
        "changes": pack_lines([repr(change) for change, _ in places]),
        "whole": np.array([each is outcome.whole for each in places], np.uint8),
        "boxes": np.array([deciding.box(c) for c, _ in places], np.int64).reshape(-1, 4),
        "searched": np.array([effect for _, effect in places], np.float64),
        "held_out": np.array([each.effects for each in confirmed], np.float64).reshape(-1, n),
        "after": np.array([each.scores for each in confirmed], np.float64).reshape(-1, n, 2),
        "case": np.array(median, np.int64),
        "visible": np.full(len(places), seen.any(), np.uint8),
        "pictures": np.stack(pictures) if pictures else np.zeros((0, *shape), np.uint8),
    }
    if request.threshold is not None:
        before = np.stack([full[roles.changed]] * 2, axis=1)
        flips = [_flips(each.scores, before, request) for each in confirmed]
        arrays["flips"] = np.array(flips, np.uint8).reshape(-1, n)
    return arrays


def _near_median(effects: Floats, seen: NDArray[np.bool_]) -> int:
    """The image whose effect lies nearest the median, of those that people may see if any."""
    distance = np.where(seen | ~seen.any(), np.abs(effects - np.median(effects)), np.inf)
    return int(np.argmin(distance))


def _flips(after: Floats, before: Floats, request: SearchRequest) -> NDArray[np.bool_]:
    """Whether the decision differs: with and without the finding's content, or from before."""
    assert request.threshold is not None
    called = after >= request.threshold
    other = called[:, 1] if request.strategy.swapped else before[:, 0] >= request.threshold
    return np.asarray(called[:, 0] != other)
