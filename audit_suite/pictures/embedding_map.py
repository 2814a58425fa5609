"""A map of embeddings in two dimensions, from stored evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import canonical_digest
from audit_suite.datasets import Dataset
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.again import again
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, WithoutROI
from audit_suite.pictures.candidates import by_hash
from audit_suite.record import EmbeddingCloud, EmbeddingRecord
from audit_suite.verdict import NotApplicable

_IMAGES = 300  # in one map, each with and without its region
_FEWEST = 20
_PERPLEXITY = 10  # of Sourget et al. 2024
_COMPONENTS = 50
_ITERATIONS = 500

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Stored:
    """Embeddings of a data set's images, full and without the region, and which are usable."""

    requests: tuple[ScoreRequest, ...]
    embeddings: tuple[NDArray[np.float32], ...]
    used: NDArray[np.bool_]


def embedding_map(cell: Cell, source: EvidenceSource) -> EmbeddingRecord | None:
    """Map a sample of images, full and without the region, by t-SNE of their embeddings.

    Images are drawn by hash, half from each class if there are enough, and from as many patients as
    possible. If there are several folds, the first is shown, because folds do not share axes. The
    seed comes from digests and everything runs on one thread, so the same evidence gives the same
    map.

    Args:
        cell: Model, data set and target.
        source: Data sets and stored evidence; computes nothing.

    Returns:
        The map, or None if there are no embeddings, too few images, or all embeddings are equal.
    """
    stored = _stored(cell, source)
    if stored is None:
        return None
    dataset = source.dataset(cell.dataset)
    labels = dataset.labels_of(cell.target)
    chosen = _draw(dataset, labels, stored.used)
    if len(chosen) < _FEWEST:
        return None
    sample = np.concatenate([embeddings[chosen] for embeddings in stored.embeddings])
    points = _lay_out(sample, _seed(stored.requests, dataset, source))
    if points is None:
        return None
    return EmbeddingRecord(
        model=cell.model_name,
        dataset=dataset.card.name,
        target=cell.target,
        n_images=len(chosen),
        n_patients=len({dataset.cases[index].patient for index in chosen}),
        perplexity=_PERPLEXITY,
        clouds=[
            _cloud(request.masking.id, positive, part[labels[chosen] == positive])
            for request, part in zip(stored.requests, np.split(points, 2), strict=True)
            for positive in (True, False)
        ],
    )


def _stored(cell: Cell, source: EvidenceSource) -> _Stored | None:
    """The stored embeddings of the first fold; None without a region or without embeddings."""
    try:
        requests = tuple(cell.requests(masking)[0] for masking in (Full(), WithoutROI()))
    except NotApplicable:
        return None
    tables = [source.read_stored(request) for request in requests]
    known = [table for table in tables if table is not None]
    embeddings = [read for table in known if (read := table.embeddings) is not None]
    if len(embeddings) < len(requests):
        return None
    used = np.all([table.used for table in tables if table is not None], axis=0)
    if cell.average == "held-out":
        tag, cases = cell.model.held_out or "", source.dataset(cell.dataset).cases
        used &= np.array([case.metadata.get(tag) == "0" for case in cases])
    return _Stored(requests, tuple(embeddings), used)


def _seed(requests: Sequence[ScoreRequest], dataset: Dataset, source: EvidenceSource) -> int:
    model = source.model_digest(requests[0].model, requests[0].fold)
    maskings = (request.masking.digest for request in requests)
    return int(canonical_digest([model, dataset.digest, *maskings])[:8], 16)


def _cloud(masking: str, positive: bool, points: Floats) -> EmbeddingCloud:
    x, y = ([round(float(value), 3) for value in axis] for axis in points.T)
    return EmbeddingCloud(masking=masking, positive=positive, x=x, y=y)


def _draw(dataset: Dataset, labels: NDArray[np.int_], used: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Images by hash, half from each class if there are enough; first one from each patient."""
    queues = []
    for side in (1, 0):
        mine = [int(index) for index in np.flatnonzero(used & (labels == side))]
        queues.append(_in_turns(by_hash(dataset, mine), [case.patient for case in dataset.cases]))
    half = _IMAGES // 2
    positive, negative = queues
    kept = positive[: max(half, _IMAGES - len(negative))]
    kept += negative[: max(half, _IMAGES - len(positive))]
    return np.array(kept, np.int_)


def _in_turns(images: Sequence[int], patients: Sequence[str]) -> list[int]:
    seen: dict[str, int] = defaultdict(int)
    turns = []
    for index in images:
        turns.append(seen[patients[index]])
        seen[patients[index]] += 1
    return [images[position] for position in np.argsort(turns, kind="stable")]


def _lay_out(embeddings: NDArray[np.float32], seed: int) -> Floats | None:
    """Points, shape (n, 2), in a frame of side 1; None if all embeddings are equal."""
    values = embeddings.astype(np.float64)
    values -= values.mean(axis=0)
    if min(_COMPONENTS, *values.shape) < 2 or np.ptp(values, axis=0).max() < 1e-12:
        return None
    return again(lambda: {"points": _points(values, seed)}, "map", seed, arrays=(values,))["points"]


def _points(values: Floats, seed: int) -> Floats:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    parts = min(_COMPONENTS, *values.shape)
    with threadpool_limits(1):  # last digits must not depend on the number of threads
        main = PCA(parts, svd_solver="covariance_eigh").fit_transform(values)
        start = main[:, :2] / main[:, 0].std() * 1e-4  # start from PCA, not from chance
        points: Floats = TSNE(
            perplexity=_PERPLEXITY,
            init=start,
            learning_rate="auto",
            max_iter=_ITERATIONS,
            random_state=seed,
            n_jobs=1,
        ).fit_transform(main)
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    return points / max(2 * float(np.abs(points).max()), 1e-12) + 0.5
