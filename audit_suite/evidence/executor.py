"""Compute missing evidence: images decoded once, maskings made once, models run once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from audit_suite.cards import ModelCard
from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.fills import fill_seed, measure_references
from audit_suite.evidence.prepare import (
    Geometry,
    Prepared,
    Wanted,
    blank,
    geometry,
    prepare_chunks,
)
from audit_suite.evidence.request import Request, plan
from audit_suite.evidence.source import SHARD, THUMBNAIL, EvidenceSource, pack_lines
from audit_suite.evidence.store import Arrays
from audit_suite.maskings import Masking
from audit_suite.maskings.apply import Reference, apply_masking, hidden_pixels
from audit_suite.models import normalise

_Scored = dict[tuple[ModelCard, int | None, str], tuple[torch.Tensor, torch.Tensor | None]]
"""Scores and embeddings of the masked versions of one batch, each distinct one scored once."""


def compute(
    requests: Iterable[Request],
    source: EvidenceSource,
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Compute and store the evidence that is missing.

    Several processes may call this with the same requests and one store: each claims the shards
    it computes and waits for those claimed by others. What fails is noted in ``source.failures``
    and does not keep the rest from being computed.

    Args:
        requests: What is asked.
        source: Data sets, models, profile and store.
        progress: Called with one line of text after each shard.
    """
    _fix_arithmetic(source)
    for _, group in groupby(plan(requests), key=lambda request: request.dataset):
        wanted = list(group)
        try:
            _compute_dataset(wanted, source, progress)
        except AuditError as error:
            source.failures[wanted[0].dataset] = error


def _fix_arithmetic(source: EvidenceSource) -> None:
    """Plain fp32 and one algorithm, so that devices agree and a run can be repeated."""
    torch.set_num_threads(source.profile.threads)
    if source.profile.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def missing_shards(request: Request, source: EvidenceSource) -> list[int]:
    """The shards of a request that the store does not hold.

    Raises:
        AuditError: If the data set or the model's weights cannot be read.
    """
    return [
        shard
        for shard in source.shards(request.dataset)
        if not source.store.has(source.key(request, shard))
    ]


def _compute_dataset(
    requests: Sequence[Request], source: EvidenceSource, progress: Callable[[str], None]
) -> None:
    dataset = source.dataset(requests[0].dataset)
    usable = [request for request in requests if _can_load(request, source)]
    job = _Job(dataset, source)
    for wait in (False, True):  # first what nobody else computes, then wait for the others
        for shard in source.shards(dataset.card):
            if not (missing := job.missing(usable, shard)):
                continue
            with source.store.claim(f"{dataset.digest[:16]}-{shard}", wait) as granted:
                if granted and (missing := job.missing(missing, shard)):
                    job.compute(missing, shard)
                    end = min((shard + 1) * SHARD, len(dataset.cases))
                    progress(
                        f"{dataset.card.name}: {end}/{len(dataset.cases)} images x "
                        f"{len({request.masking for request in missing})} maskings"
                    )


def _can_load(request: Request, source: EvidenceSource) -> bool:
    scope = (request.model, request.fold)
    try:
        if scope not in source.failures:
            source.model_digest(*scope)
            if missing_shards(request, source):
                source.model(*scope)
            return True
    except AuditError as error:
        source.failures[scope] = error
    source.failures[request.pair] = source.failures[scope]
    return False


@dataclass
class _Job:
    """The state that the shards of one data set share."""

    dataset: Dataset
    source: EvidenceSource
    ready: dict[int, dict[Geometry, Prepared] | BadImage] = field(default_factory=dict)
    references: dict[Geometry, Reference] = field(default_factory=dict)
    ready_for: Wanted | None = None

    def missing(self, requests: Sequence[Request], shard: int) -> list[Request]:
        store, source = self.source.store, self.source
        return [
            request
            for request in requests
            if request.pair not in source.failures and not store.has(source.key(request, shard))
        ]

    def compute(self, requests: Sequence[Request], shard: int) -> None:
        wanted = Wanted(
            specs={geometry(r.model.input): r.model.input for r in requests},
            rois=sorted({r.masking.region for r in requests if r.masking.region}),
        )
        fills = {r.masking.fill for r in requests if r.masking.keep != "all"}
        if fills - {"black"} and self.ready_for != wanted:
            self.references, self.ready = measure_references(self.dataset, wanted)
            self.ready_for = wanted
        profile = self.source.profile
        indices = range(shard * SHARD, min((shard + 1) * SHARD, len(self.dataset.cases)))
        columns = {r: _Columns(len(indices), len(r.model.targets)) for r in requests}
        chunk_size = max(profile.batch_for(spec.size) for spec in wanted.specs.values())
        excluded: dict[int, str] = {}
        for chunk, images in prepare_chunks(
            self.dataset, indices, chunk_size, wanted, self.ready, profile.threads
        ):
            for index, image in zip(chunk, images, strict=True):
                if isinstance(image, BadImage):
                    if self.dataset.card.on_bad_image == "error":
                        raise image
                    excluded[index] = image.what
            # A blank stands in for a bad image, so that batches never depend on who is excluded.
            whole = [blank(wanted) if isinstance(image, BadImage) else image for image in images]
            self._score_chunk(list(zip(chunk, whole, strict=True)), columns, indices.start)
        for request, column in columns.items():
            if request.pair not in self.source.failures:
                arrays = column.arrays({i - indices.start: why for i, why in excluded.items()})
                self.source.store.write(self.source.key(request, shard), arrays)

    def _score_chunk(
        self,
        images: Sequence[tuple[int, dict[Geometry, Prepared]]],
        columns: dict[Request, _Columns],
        start: int,
    ) -> None:
        for key, group in groupby(
            sorted(columns, key=lambda r: geometry(r.model.input)),
            key=lambda r: geometry(r.model.input),
        ):
            requests = list(group)
            batch_size = self.source.profile.batch_for(key[0])
            for first in range(0, len(images), batch_size):
                part = images[first : first + batch_size]
                padded = list(part) + [part[-1]] * (batch_size - len(part))
                self._score_batch(key, padded, len(part), requests, columns, start)

    def _score_batch(
        self,
        key: Geometry,
        batch: Sequence[tuple[int, dict[Geometry, Prepared]]],
        real: int,
        requests: Sequence[Request],
        columns: dict[Request, _Columns],
        start: int,
    ) -> None:
        device = self.source.profile.device
        images = torch.from_numpy(np.stack([image[key].image for _, image in batch])).to(device)
        distances = {
            roi: torch.from_numpy(np.stack([image[key].distances[roi] for _, image in batch])).to(
                device
            )
            for roi in {r.masking.region for r in requests if r.masking.region}
        }
        rows = [index - start for index, _ in batch[:real]]
        by_masking = groupby(sorted(requests, key=lambda r: r.masking.id), key=lambda r: r.masking)
        scored: _Scored = {}
        for masking, group in by_masking:
            masked, hidden = images, torch.zeros(len(batch), device=device)
            outline: torch.Tensor | None = None
            same = ""
            if masking.keep != "all":
                distance = distances[masking.region]
                pixels = hidden_pixels(masking, distance).float()
                hidden = pixels.mean(dim=(1, 2))
                if bool((hidden > 0).any()):
                    same = _identity(masking, pixels)
                if masking.draws_region:
                    outline = adaptive_avg_pool2d(pixels[:, None], THUMBNAIL)[:, 0]
                seed = self.source.profile.seed
                seeds = [fill_seed(seed, self.dataset, masking, index) for index, _ in batch]
                reference = self.references.get(key) or Reference(torch.zeros(images.shape[1]))
                masked = apply_masking(masking, images, distance, reference, seeds)
            for request in group:
                columns[request].put_region(rows, hidden, outline)
                self._score(request, masked, rows, columns[request], scored, same)

    def _score(
        self,
        request: Request,
        masked: torch.Tensor,
        rows: Sequence[int],
        column: _Columns,
        scored: _Scored,
        same: str,
    ) -> None:
        if request.pair in self.source.failures:
            return
        key = (request.model, request.fold, same)
        try:
            if key not in scored:
                model = self.source.model(request.model, request.fold)
                scored[key] = model(normalise(masked, request.model.input))
            scores, embeddings = scored[key]
        except AuditError as error:
            self.source.failures[request.pair] = error
            return
        kept = slice(0, len(rows))
        column.put_scores(rows, scores[kept], None if embeddings is None else embeddings[kept])


def _identity(masking: Masking, hidden: torch.Tensor) -> str:
    """Tells masked batches apart: large dilations hide, and show, the same pixels.

    Noise is drawn anew for each masking, so no two noisy batches are the same.
    """
    fill = masking.id if masking.fill == "noise" else masking.fill
    bits = np.packbits(hidden.bool().cpu().numpy())
    return f"{fill} {hashlib.sha256(bits.tobytes()).hexdigest()}"


class _Columns:
    """The growing columns of one stored shard."""

    def __init__(self, length: int, targets: int) -> None:
        self._hidden: NDArray[np.float32] = np.zeros(length, np.float32)
        self._scores: NDArray[np.float32] = np.full((length, targets), np.nan, np.float32)
        self._embeddings: NDArray[np.float32] | None = None
        self._outlines: NDArray[np.uint8] | None = None

    def put_region(
        self, rows: Sequence[int], hidden: torch.Tensor, outline: torch.Tensor | None
    ) -> None:
        """Note how much was hidden and, where the masking draws it, the region itself."""
        at, kept = list(rows), slice(0, len(rows))
        self._hidden[at] = hidden[kept].cpu().numpy()
        if outline is not None:
            if self._outlines is None:
                self._outlines = np.zeros((len(self._hidden), *outline.shape[1:]), np.uint8)
            self._outlines[at] = (outline[kept] * 255).round().byte().cpu().numpy()

    def put_scores(
        self, rows: Sequence[int], scores: torch.Tensor, embeddings: torch.Tensor | None
    ) -> None:
        """Note the scores and embeddings of some rows."""
        at = list(rows)
        self._scores[at] = scores.float().cpu().numpy()
        if embeddings is not None:
            if self._embeddings is None:
                shape = (len(self._hidden), embeddings.shape[1])
                self._embeddings = np.full(shape, np.nan, np.float32)
            self._embeddings[at] = embeddings.float().cpu().numpy()

    def arrays(self, excluded: Mapping[int, str]) -> Arrays:
        used = np.ones(len(self._hidden), np.bool_)
        used[sorted(excluded)] = False
        self._scores[~used] = np.nan
        found: Arrays = {
            "scores": self._scores,
            "hidden_fraction": self._hidden,
            "used": used,
            "excluded": pack_lines([excluded[row] for row in sorted(excluded)]),
        }
        if self._embeddings is not None:
            found["embeddings"] = self._embeddings
        if self._outlines is not None:
            found["outlines"] = self._outlines
        return found
