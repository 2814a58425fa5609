"""Before evidence is used: is each model a function of the image, and the one that was stored?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.keys import SHARD
from audit_suite.evidence.pixels import sample_of
from audit_suite.evidence.scores.donors import drawn
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Pair, Progress, Request, pair, refused
from audit_suite.maskings import Full
from audit_suite.models.audited import AuditedModel
from audit_suite.models.function import check_function, tolerance
from audit_suite.models.preprocessing import fit_geometry, normalise
from audit_suite.out_of_memory import ran_out

_TRIED = 8  # images of each data set
_DRAWN = 16  # of which some may be unreadable


def rescore(requests: Sequence[Request[Any]], source: EvidenceSource, progress: Progress) -> None:
    """Score a few full images of each data set again, by each model that is asked about it.

    A model whose scores depend on more than the image is an error on that data set
    (``source.failures``). If its scores are not those that are stored, everything stored of it on
    that data set is discarded, to be computed again: something decides its scores that its digest
    does not cover, such as a file that is read when it scores.

    Args:
        requests: What will be read, of any kind.
        source: Data sets, models and store.
        progress: Called with one line of text if evidence is discarded.
    """
    for each in dict.fromkeys(map(pair, requests)):
        mine = [request for request in requests if pair(request) == each]
        try:
            _rescore_pair(each, mine, source, progress)
        except AuditError as error:
            source.failures[refused(mine[0])] = error


def _rescore_pair(
    each: Pair, requests: Sequence[Request[Any]], source: EvidenceSource, progress: Progress
) -> None:
    card, fold, dataset_card = each
    dataset, model = source.dataset(dataset_card), source.model(card, fold)
    chosen = dict(_chosen(dataset, each))
    if len(chosen) < 2:
        return
    images = torch.from_numpy(np.stack(list(chosen.values()))).to(source.profile.device)
    batch = normalise(images, card.input)
    scores = _tried(model, batch, f"images of '{dataset_card.name}'")
    if scores is None:
        return  # memory runs out on two images: computing their evidence says so
    precision = source.precisions.of(each)
    if precision != "fp32":
        with computing_in(precision, model):
            scores, _ = model(batch[: len(scores)])
    full = ScoreRequest(card, fold, dataset_card, Full())
    subject = source.subject(full)
    with source.store.alone(f"rescore-{full.key(source, 0)[:32]}"):
        stored = _stored(full, list(chosen)[: len(scores)], source)
        gap = np.abs(stored - scores.cpu().numpy())
        worst = float(np.nanmax(gap)) if np.isfinite(gap).any() else 0.0
        if worst <= tolerance(model, scores, precision):
            return
        why = (
            f"{card.name} on {dataset_card.name}: stored scores differ by up to {worst:.2g} from "
            f"what the model gives now; its evidence is discarded and computed again"
        )
        source.store.discard_all(subject, why)
        for key in {key for request in requests for key in request.keys(source)}:
            source.store.discard(key)
    progress(why)


def _tried(model: AuditedModel, batch: Tensor, name: str) -> Tensor | None:
    """Scores of as many images as fit into memory, shape (n, T); None if two do not."""
    for count in (len(batch), len(batch) // 2, 2):
        try:
            return check_function(model, batch[:count], name)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
    return None


def _chosen(dataset: Dataset, each: Pair) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """A few readable images, by hash, at the geometry of the model's input."""
    count = 0
    for index in drawn(dataset, range(len(dataset.cases)), _DRAWN):
        if count == _TRIED:
            return
        try:
            sample = sample_of(dataset, index, each[0].input)
        except BadImage:
            continue
        yield index, fit_geometry(sample.image, {}, each[0].input, sample.file)[0]
        count += 1


def _stored(
    full: ScoreRequest, indices: Sequence[int], source: EvidenceSource
) -> NDArray[np.float64]:
    """The stored scores of some images, shape (n, T); NaN where nothing is stored."""
    rows = np.full((len(indices), len(full.model.targets)), np.nan, np.float64)
    shards = {index // SHARD for index in indices}
    tables = {shard: source.store.read(full.key(source, shard)) for shard in shards}
    for row, index in enumerate(indices):
        arrays = tables[index // SHARD]
        if arrays is not None:
            rows[row] = arrays["scores"][index % SHARD]
    return rows
