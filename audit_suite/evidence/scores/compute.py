"""Compute missing scores: each image is decoded once, masked once per masking, scored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from audit_suite.cards import ModelCard
from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.keys import SHARD, shards
from audit_suite.evidence.scores.columns import ShardColumns
from audit_suite.evidence.scores.geometry import Geometry, geometry
from audit_suite.evidence.scores.prepare import Prepared, Wanted, blank, prepare_chunks
from audit_suite.evidence.scores.request import THUMBNAIL, ScoreRequest
from audit_suite.evidence.scores.survey import Survey, survey_for
from audit_suite.evidence.scores.unfinished import Unfinished
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.maskings.show import Batch, show
from audit_suite.maskings.shuffled import appearance
from audit_suite.models.audited import AuditedModel
from audit_suite.models.memory import ran_out
from audit_suite.models.preprocessing import normalise
from audit_suite.pulse import beat

_Scored = dict[tuple[object, str], tuple[torch.Tensor, torch.Tensor | None]]
"""Scores and embeddings of one batch by masked version; identical versions are scored once."""


def compute_scores(
    requests: Sequence[ScoreRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Compute and store the scores that are missing.

    Several processes may call this with the same requests and one store: each claims the shards
    it computes and waits for those claimed by others. Failures are recorded in
    ``source.failures``, and the rest is still computed.

    Args:
        requests: The requested scores, as planned (`evidence.plan`).
        source: Data sets, models, profile and store.
        progress: Called with a line of text if memory runs out.
    """
    fix_arithmetic(source.profile)
    for _, group in groupby(requests, key=lambda request: request.dataset):
        wanted = list(group)
        try:
            compute_on(source.dataset(wanted[0].dataset), wanted, source, progress)
        except AuditError as error:
            source.failures[wanted[0].dataset] = error


def compute_on(
    dataset: Dataset, requests: Sequence[ScoreRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Compute and store the scores that are missing on the images that a data set reads.

    Args:
        dataset: That of the requests; it may read its images in another way.
        requests: Of this data set.
        source: Models, profile and store.
        progress: As for `compute_scores`.

    Raises:
        AuditError: If the data set cannot be used.
    """
    loaded = [request for request in requests if _can_load(request, source)]
    job = _Job(dataset, source, loaded, progress)
    for wait in (False, True):  # first what no other process computes, then wait for the rest
        for shard in shards(len(dataset.cases)):
            if not (missing := job.missing(job.requests, shard)):
                continue
            with source.store.claim(dataset.digest[:16], wait, shard) as granted:
                if granted and (missing := job.missing(missing, shard)):
                    job.compute(missing, shard)


def _can_load(request: ScoreRequest, source: EvidenceSource) -> bool:
    scope = (request.model, request.fold)
    try:
        if scope not in source.failures:
            source.model_digest(*scope)
            if source.missing(request):
                source.model(*scope)
            return True
    except AuditError as error:
        source.failures[scope] = error
    source.failures[request.pair] = source.failures[scope]
    return False


@dataclass
class _Job:
    """The missing scores of one data set, and what its shards share.

    Attributes:
        dataset: The data set.
        source: Models, profile and store.
        requests: The requests whose model could be loaded.
        progress: Called with a line of text.
        fitting: How many images at once a model has memory for, where a batch was too large.
    """

    dataset: Dataset
    source: EvidenceSource
    requests: Sequence[ScoreRequest]
    progress: Progress
    fitting: dict[tuple[ModelCard, int | None], int] = field(default_factory=dict)

    def missing(self, requests: Sequence[ScoreRequest], shard: int) -> list[ScoreRequest]:
        store, source = self.source.store, self.source
        return [
            request
            for request in requests
            if not self._failed(request) and not store.has(request.key(source, shard))
        ]

    @cached_property
    def survey(self) -> Survey:
        """What the maskings may know of the data set; surveyed once for all shards."""
        wanted = Wanted(
            specs={geometry(r.model.input): r.model.input for r in self.requests},
            areas=sorted({r.shown.area for r in self.requests if r.shown.hides}),
        )
        maskings = [request.shown for request in self.requests]
        seed, store = self.source.profile.seed, self.source.store
        return survey_for(self.dataset, wanted, maskings, seed, store)

    def compute(self, requests: Sequence[ScoreRequest], shard: int) -> None:
        survey, profile = self.survey, self.source.profile
        wanted = survey.wanted
        indices = range(shard * SHARD, min((shard + 1) * SHARD, len(self.dataset.cases)))
        columns = {r: ShardColumns(len(indices), len(r.model.targets)) for r in requests}
        chunk_size = max(profile.batch_for(spec.size) for spec in wanted.specs.values())
        excluded: dict[int, str] = {}
        unit = self.dataset.digest[:16], shard
        unfinished = Unfinished(self.source, unit, columns, indices.start)
        chunks = [indices[at : at + chunk_size] for at in range(0, len(indices), chunk_size)]
        left = [i for chunk in chunks if not unfinished.restore(chunk, excluded) for i in chunk]
        for chunk, images in prepare_chunks(survey.make, left, chunk_size, profile.threads):
            for index, image in zip(chunk, images, strict=True):
                if isinstance(image, BadImage):
                    if self.dataset.card.on_bad_image == "error":
                        raise image
                    excluded[index] = image.what
            # A blank replaces a bad image, so that batches do not depend on what is excluded.
            whole = [blank(wanted) if isinstance(image, BadImage) else image for image in images]
            self._score_chunk(list(zip(chunk, whole, strict=True)), columns, indices.start)
            if chunk[-1] != left[-1] and not any(map(self._failed, columns)):
                unfinished.keep(chunk, excluded)
        for request, column in columns.items():
            if not self._failed(request):
                arrays = column.arrays({i - indices.start: why for i, why in excluded.items()})
                subject = self.source.subject(request)
                self.source.store.write(request.key(self.source, shard), arrays, subject)
        unfinished.clear()

    def _failed(self, request: ScoreRequest) -> bool:
        return any(scope in self.source.failures for scope in (request, request.pair))

    def _score_chunk(
        self,
        images: Sequence[tuple[int, dict[Geometry, Prepared]]],
        columns: dict[ScoreRequest, ShardColumns],
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
        requests: Sequence[ScoreRequest],
        columns: dict[ScoreRequest, ShardColumns],
        start: int,
    ) -> None:
        device = self.source.profile.device
        prepared = [image[key] for _, image in batch]
        images = torch.from_numpy(np.stack([p.image for p in prepared])).to(device)
        distances = {
            area: torch.from_numpy(np.stack([p.distances[area] for p in prepared])).to(device)
            for area in prepared[0].distances
        }
        whole = Batch([index for index, _ in batch], images, distances)
        rows = [index - start for index, _ in batch[:real]]
        properties = np.stack([p.properties for p in prepared[:real]])
        by_masking = groupby(sorted(requests, key=lambda r: r.shown.id), key=lambda r: r.shown)
        scored: _Scored = {}
        for masking, group in by_masking:
            asked = [request for request in group if not self._failed(request)]
            if not asked:
                continue
            try:
                shown = show(masking, whole, self.survey.at(key))
            except AuditError as error:  # an extension's fill; other maskings do not use it
                self.source.failures.update(dict.fromkeys(asked, error))
                continue
            outline = None
            if masking.draws_region:
                drawn = adaptive_avg_pool2d(shown.hidden[:real, None].float(), THUMBNAIL)[:, 0]
                outline = (drawn * 255).round().byte().cpu().numpy()
            looks = None
            if masking.shuffles:
                patches = masking.first == "shuffled-patches"
                looks = appearance(shown.images[:real], patches).cpu().numpy()
            covered = _share(shown.own & shown.hidden, of=shown.own)[:real]
            share = _share(shown.hidden)[:real]
            same = shown.key()
            for request in asked:
                columns[request].put_region(rows, share, covered, outline)
                columns[request].put_properties(rows, properties if masking.is_full else None)
                if looks is not None:
                    columns[request].put_appearance(rows, looks)
                self._score(request, shown.images, rows, columns[request], scored, same)

    def _score(
        self,
        request: ScoreRequest,
        masked: torch.Tensor,
        rows: Sequence[int],
        column: ShardColumns,
        scored: _Scored,
        same: str,
    ) -> None:
        try:
            model = self.source.model(request.model, request.fold)
            key = (model.trunk or (request.model, request.fold), same)
            if key not in scored:
                scored[key] = self._forward(model, request, masked)
            scores, embeddings = scored[key]
            if model.trunk is not None and embeddings is not None:
                scores = model.from_embedding(embeddings)
        except AuditError as error:
            self.source.failures[request.pair] = error
            return
        beat(len(rows))
        kept = slice(0, len(rows))
        column.put_scores(rows, scores[kept], None if embeddings is None else embeddings[kept])

    def _forward(
        self, model: AuditedModel, request: ScoreRequest, masked: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Score a batch; where memory runs out, its halves one after the other."""
        who = request.model, request.fold
        while True:
            size = self.fitting.get(who, len(masked))
            try:
                parts = [
                    model(normalise(part, request.model.input))
                    for part in torch.split(masked, size)
                ]
            except Exception as error:
                if not ran_out(error):
                    raise
                if size == 1:
                    raise AuditError(
                        f"{request.model.path}: memory ran out on a single image",
                        "use a machine with more memory, or --audit-device=cpu",
                    ) from None
            else:
                scores = torch.cat([scores for scores, _ in parts])
                embeddings = [embedding for _, embedding in parts if embedding is not None]
                return scores, torch.cat(embeddings) if embeddings else None
            if masked.is_cuda:
                torch.cuda.empty_cache()
            self.fitting[who] = size // 2
            self.progress(
                f"{request.model.name}: memory ran out; from here on {size // 2} images at once"
            )


def _share(pixels: torch.Tensor, of: torch.Tensor | None = None) -> NDArray[np.float32]:
    """The share of the frame, or of a part of it, covered by masks of shape (B, H, W)."""
    size = pixels[0].numel() if of is None else _count(of).clamp(min=1)
    share: NDArray[np.float32] = (_count(pixels) / size).float().cpu().numpy()
    return share


def _count(pixels: torch.Tensor) -> torch.Tensor:
    """How many pixels each mask covers; counted in 32 bits, which takes a third of the time."""
    return pixels.flatten(1).sum(1, dtype=torch.int32)
