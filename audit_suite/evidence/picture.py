"""A map of embeddings in two dimensions (E3): a picture for the report, from stored evidence."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import canonical_digest
from audit_suite.datasets import Dataset
from audit_suite.evidence.request import Cell
from audit_suite.evidence.source import EvidenceSource
from audit_suite.maskings import Full, WithoutROI
from audit_suite.record import EmbeddingCloud, EmbeddingRecord
from audit_suite.verdict import NotApplicable

MOST = 12  # pictures of one audit
_IMAGES = 300  # in one picture, each with and without its region
_FEWEST = 20
_PERPLEXITY = 10  # of Sourget et al. 2024
_COMPONENTS = 50
_ITERATIONS = 500

Floats = NDArray[np.float64]


def picture(cell: Cell, source: EvidenceSource) -> EmbeddingRecord | None:
    """Lay out a sample of images, full and without the region, by t-SNE of their embeddings.

    Images are drawn by a hash: half of either class as far as they go, of as many patients as can
    be. Of several folds the first is shown, as two share no axes. The seed comes from digests and
    all runs on one thread, so the same evidence gives the same picture.

    Args:
        cell: Where.
        source: Data sets, and stored evidence; nothing is computed.

    Returns:
        The picture, or None where there are no embeddings, too few images, or all are alike.
    """
    try:
        requests = [cell.requests(masking)[0] for masking in (Full(), WithoutROI())]
    except NotApplicable:
        return None
    tables = [source.stored_table(request) for request in requests]
    embeddings = [t.embeddings for t in tables if t is not None and t.embeddings is not None]
    if len(embeddings) < len(requests):
        return None
    used = np.all([t.used for t in tables if t is not None], axis=0)
    dataset = source.dataset(cell.dataset)
    if cell.average == "held-out":
        tag = cell.model.held_out or ""
        used &= np.array([case.metadata.get(tag) == "0" for case in dataset.cases])
    labels = np.array([case.labels[cell.target] for case in dataset.cases])
    chosen = _draw(dataset, labels, used)
    if len(chosen) < _FEWEST:
        return None
    digests = [source.model_digest(r.model, r.fold) for r in requests[:1]]
    seed = canonical_digest([*digests, dataset.digest, *(r.masking.digest for r in requests)])
    points = _lay_out(np.concatenate([e[chosen] for e in embeddings]), int(seed[:8], 16))
    if points is None:
        return None
    clouds = []
    for request, part in zip(requests, np.split(points, 2), strict=True):
        for positive in (True, False):
            mine = part[labels[chosen] == positive]
            x, y = ([round(float(value), 3) for value in axis] for axis in mine.T)
            clouds.append(EmbeddingCloud(masking=request.masking.id, positive=positive, x=x, y=y))
    return EmbeddingRecord(
        model=cell.model_name,
        dataset=dataset.card.name,
        target=cell.target,
        n_images=len(chosen),
        n_patients=len({dataset.cases[index].patient for index in chosen}),
        perplexity=_PERPLEXITY,
        clouds=clouds,
    )


def _draw(dataset: Dataset, labels: NDArray[np.int_], used: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Images by hash, half of either class as far as they go; first one of each patient."""
    queues = []
    for side in (1, 0):
        mine = [int(index) for index in np.flatnonzero(used & (labels == side))]
        mine.sort(key=lambda index: hashlib.sha256(f"{dataset.digest}/{index}".encode()).digest())
        queues.append(_in_turns(mine, [case.patient for case in dataset.cases]))
    half = _IMAGES // 2
    sick, well = queues
    kept = [*sick[: max(half, _IMAGES - len(well))], *well[: max(half, _IMAGES - len(sick))]]
    return np.array(kept, np.int_)


def _in_turns(images: Sequence[int], patients: Sequence[str]) -> list[int]:
    seen: dict[str, int] = defaultdict(int)
    turns = []
    for index in images:
        turns.append(seen[patients[index]])
        seen[patients[index]] += 1
    return [images[position] for position in np.argsort(turns, kind="stable")]


def _lay_out(embeddings: NDArray[np.float32], seed: int) -> Floats | None:
    """Points, shape (n, 2), in a frame of side 1; None where all embeddings are alike."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    values = embeddings.astype(np.float64)
    values -= values.mean(axis=0)
    parts = min(_COMPONENTS, *values.shape)
    if parts < 2 or np.ptp(values, axis=0).max() < 1e-12:
        return None
    with threadpool_limits(1):  # last digits must not depend on the number of threads
        main = PCA(parts, svd_solver="covariance_eigh").fit_transform(values)
        start = main[:, :2] / main[:, 0].std() * 1e-4  # far patients start apart, not by chance
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
