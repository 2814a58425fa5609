"""What a process does that prepares images ahead of the one that scores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from audit_suite.evidence.keys import shard_of
from audit_suite.evidence.scores.prepare import prepare
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.evidence.scores.request import ScoreRequest, wanted_by
from audit_suite.evidence.scores.survey import survey_for, surveyed
from audit_suite.evidence.source import EvidenceSource, Progress


def load(
    source: EvidenceSource, _say: Progress, *work: tuple[Sequence[int], Sequence[ScoreRequest]]
) -> None:
    """Bring images into the cache, shard by shard, as they will be scored.

    Several processes may do it at a time: each takes what no other has in hand.

    Args:
        source: Data sets, store and cache; no model is loaded.
        *work: For each data set the shards that will be scored, in order, and all that will be.
    """
    for shards, requests in work:
        dataset, seed = source.dataset(requests[0].dataset), source.profile.seed
        wanted, maskings = wanted_by(requests), [request.shown for request in requests]
        kept = Recalled(dataset, wanted, seed)
        _fill(kept, surveyed(dataset, maskings), partial(prepare, kept))
        survey = survey_for(dataset, wanted, maskings, seed, source.store)
        for shard in shards:
            _fill(kept, shard_of(shard, len(dataset.cases)), survey.make)


def _fill(kept: Recalled, images: Iterable[int], make: Callable[[int], object]) -> None:
    for index in images:
        if not kept.has(index) and kept.is_free(index):
            make(index)  # one that cannot be used is told of by who scores it
