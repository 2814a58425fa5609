"""On CUDA further processes prepare images, as the one that uses the card cannot keep up with it.

Decoding and distance transforms leave Python's lock, but a fifth of the work does not: so the
threads of one process prepare some five images at a time, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError
from audit_suite.evidence.cores import granted_cores
from audit_suite.evidence.keys import shard_of, shards
from audit_suite.evidence.memory import free_memory
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.evidence.scores.request import ScoreRequest, wanted_by
from audit_suite.evidence.source import EvidenceSource

_LOAD = "audit_suite.evidence.scores.loading:load"
_MOST = 16
_GIB = 1 << 30  # of memory for each process
_WORTH = 200  # images, for which starting a process is worth its seconds


def prepared_ahead(
    requests: Sequence[ScoreRequest], source: EvidenceSource
) -> AbstractContextManager[None]:
    """Have images prepared by other processes while some scores are computed.

    Args:
        requests: The scores that are missing.
        source: The judge's.
    """
    if not loaders(_WORTH * _MOST, source):
        return nullcontext()
    by_dataset: dict[DatasetCard, list[ScoreRequest]] = {}
    for request in requests:
        by_dataset.setdefault(request.dataset, []).append(request)
    work, images = [], 0
    for some in by_dataset.values():
        try:
            left, missing = _left(some, source)
        except AuditError:  # told of by who computes
            continue
        if missing:
            work.append((left, some))
            images += missing
    return source.executor.helping(_LOAD, tuple(work), loaders(images, source), source)


def loaders(images: int, source: EvidenceSource) -> int:
    """How many processes prepare so many images that the cache lacks.

    None on the CPU, where each process that scores has a core and prepares its own images.
    """
    if source.profile.device != "cuda" or source.cache is None:
        return 0
    cores = granted_cores() // source.workers - 1
    fit = free_memory() // (source.workers * _GIB)
    return max(0, min(_MOST, cores, fit, images // _WORTH))


def _left(requests: Sequence[ScoreRequest], source: EvidenceSource) -> tuple[list[int], int]:
    """The shards that will be scored here, and how many of their images the cache lacks."""
    dataset, store = source.dataset(requests[0].dataset), source.store
    kept = Recalled(dataset, wanted_by(requests), source.profile.seed)
    count = len(dataset.cases)
    left = [
        shard
        for shard in shards(count)
        if store.part.has(dataset.digest[:16], shard)
        and not all(store.has(request.key(source, shard)) for request in requests)
    ]
    missing = (i for shard in left for i in shard_of(shard, count) if not kept.has(i))
    return left, sum(1 for _ in islice(missing, _MOST * _WORTH))  # more start no more processes
