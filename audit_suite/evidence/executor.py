"""Compute missing evidence: images decoded once, maskings made once, models run once."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.columns import Columns
from audit_suite.evidence.context import Context, measure
from audit_suite.evidence.prepare import Geometry, Prepared, Wanted, blank, geometry, prepare_chunks
from audit_suite.evidence.request import Request, plan
from audit_suite.evidence.source import SHARD, THUMBNAIL, EvidenceSource
from audit_suite.maskings import Masking
from audit_suite.models import normalise

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h

_Scored = dict[tuple[object, str], tuple[torch.Tensor, torch.Tensor | None]]
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
    fix_arithmetic(source)
    for _, group in groupby(plan(requests), key=lambda request: request.dataset):
        wanted = list(group)
        try:
            _compute_dataset(wanted, source, progress)
        except AuditError as error:
            source.failures[wanted[0].dataset] = error


def fix_arithmetic(source: EvidenceSource) -> None:
    """Plain fp32 and one algorithm, so that devices agree and a run can be repeated."""
    torch.set_num_threads(source.profile.threads)
    _keep_memory()
    if source.profile.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def _keep_memory() -> None:
    """Let glibc keep large blocks: given back and asked for anew, each costs its page faults.

    On an EfficientNet-Lite0 with batches of 16 that was two thirds of the time in the kernel.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return
    for parameter, value in ((_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 1 << 30)):
        mallopt(parameter, value)


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
    context: Context | None = None

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
            areas=sorted({(m.region, m.whose) for m in _masked(requests)}),
        )
        context = self._context(wanted, requests)
        profile = self.source.profile
        indices = range(shard * SHARD, min((shard + 1) * SHARD, len(self.dataset.cases)))
        columns = {r: Columns(len(indices), len(r.model.targets)) for r in requests}
        chunk_size = max(profile.batch_for(spec.size) for spec in wanted.specs.values())
        excluded: dict[int, str] = {}
        for chunk, images in prepare_chunks(context.make, indices, chunk_size, profile.threads):
            for index, image in zip(chunk, images, strict=True):
                if isinstance(image, BadImage):
                    if self.dataset.card.on_bad_image == "error":
                        raise image
                    excluded[index] = image.what
            # A blank stands in for a bad image, so that batches never depend on who is excluded.
            whole = [blank(wanted) if isinstance(image, BadImage) else image for image in images]
            self._score_chunk(context, list(zip(chunk, whole, strict=True)), columns, indices.start)
        for request, column in columns.items():
            if request.pair not in self.source.failures:
                arrays = column.arrays({i - indices.start: why for i, why in excluded.items()})
                self.source.store.write(self.source.key(request, shard), arrays)

    def _context(self, wanted: Wanted, requests: Sequence[Request]) -> Context:
        """The surroundings of the data set, looked at only where a masking needs them."""
        maskings = _masked(requests)
        source = self.source
        if all((m.fill, m.whose, m.first) == ("black", "own", "nothing") for m in maskings):
            return Context(self.dataset, wanted, source.profile.seed, {}, {}, {})
        if self.context is None or self.context.wanted != wanted:
            places = any(
                m.whose in ("population", "window") or m.first == "centre" for m in maskings
            )
            store = source.store if places else None
            self.context = measure(self.dataset, wanted, source.profile.seed, store)
        return self.context

    def _score_chunk(
        self,
        context: Context,
        images: Sequence[tuple[int, dict[Geometry, Prepared]]],
        columns: dict[Request, Columns],
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
                self._score_batch(context, key, padded, len(part), requests, columns, start)

    def _score_batch(
        self,
        context: Context,
        key: Geometry,
        batch: Sequence[tuple[int, dict[Geometry, Prepared]]],
        real: int,
        requests: Sequence[Request],
        columns: dict[Request, Columns],
        start: int,
    ) -> None:
        device = self.source.profile.device
        prepared = [image[key] for _, image in batch]
        images = torch.from_numpy(np.stack([p.image for p in prepared])).to(device)
        distances = {
            area: torch.from_numpy(np.stack([p.distances[area] for p in prepared])).to(device)
            for area in prepared[0].distances
        }
        indices, rows = [index for index, _ in batch], [index - start for index, _ in batch[:real]]
        properties = np.stack([p.properties for p in prepared[:real]])
        by_masking = groupby(sorted(requests, key=lambda r: r.masking.id), key=lambda r: r.masking)
        scored: _Scored = {}
        for masking, group in by_masking:
            masked, hidden = images, torch.zeros_like(images[:, 0], dtype=torch.bool)
            own, outline = hidden, None
            if masking.keep != "all":
                masked, hidden = context.show(masking, key, indices, images, distances)
                own = distances[masking.region, "own"] < 0
            if masking.draws_region:
                drawn = adaptive_avg_pool2d(hidden[:real, None].float(), THUMBNAIL)[:, 0]
                outline = (drawn * 255).round().byte().cpu().numpy()
            covered = _share(own & hidden, of=own)[:real]
            share = _share(hidden)[:real]
            same = _identity(masking, hidden)
            for request in group:
                columns[request].put_region(rows, share, covered, outline)
                columns[request].put_properties(rows, properties if masking.keep == "all" else None)
                self._score(request, masked, rows, columns[request], scored, same)

    def _score(
        self,
        request: Request,
        masked: torch.Tensor,
        rows: Sequence[int],
        column: Columns,
        scored: _Scored,
        same: str,
    ) -> None:
        if request.pair in self.source.failures:
            return
        try:
            model = self.source.model(request.model, request.fold)
            key = (model.trunk or (request.model, request.fold), same)
            if key not in scored:
                scored[key] = model(normalise(masked, request.model.input))
            scores, embeddings = scored[key]
            if model.trunk is not None and embeddings is not None:
                scores = model.from_embedding(embeddings)
        except AuditError as error:
            self.source.failures[request.pair] = error
            return
        kept = slice(0, len(rows))
        column.put_scores(rows, scores[kept], None if embeddings is None else embeddings[kept])


def _masked(requests: Sequence[Request]) -> list[Masking]:
    return [request.masking for request in requests if request.masking.keep != "all"]


def _share(pixels: torch.Tensor, of: torch.Tensor | None = None) -> NDArray[np.float32]:
    """How much of the frame, or of a part of it, belongs to masks of shape (B, H, W)."""
    size = pixels[0].numel() if of is None else of.sum(dim=(1, 2)).clamp(min=1)
    share: NDArray[np.float32] = (pixels.sum(dim=(1, 2)) / size).float().cpu().numpy()
    return share


def _identity(masking: Masking, hidden: torch.Tensor) -> str:
    """Tells masked batches apart: large dilations hide, and show, the same pixels.

    Noise is drawn anew for each masking, so no two noisy batches are the same. Where an image is
    moved to or planted in, and what of a donor is painted over, is decided by the region itself,
    whatever is hidden.
    """
    if not bool(hidden.any()) and masking.first == "nothing":
        return ""
    fill = masking.id if masking.fill == "noise" else f"{masking.fill} {masking.first}"
    if masking.fill == "swap" or masking.first != "nothing":
        fill += f" {masking.region}"
    bits = np.packbits(hidden.cpu().numpy())
    return f"{fill} {hashlib.sha256(bits.tobytes()).hexdigest()}"
