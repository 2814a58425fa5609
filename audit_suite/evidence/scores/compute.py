"""Compute missing scores: each image is decoded once, masked once per masking, scored once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from audit_suite.cards import DatasetCard
from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.keys import SHARD, shards
from audit_suite.evidence.part import Part
from audit_suite.evidence.scores.batches import parts
from audit_suite.evidence.scores.columns import ShardColumns
from audit_suite.evidence.scores.geometry import Geometry, geometry
from audit_suite.evidence.scores.prepare import blank, prepare_chunks
from audit_suite.evidence.scores.prepared import Prepared, Wanted
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.scores.scoring import Read, Scoring
from audit_suite.evidence.scores.staging import Staged, ahead, stage
from audit_suite.evidence.scores.survey import Survey, survey_for
from audit_suite.evidence.scores.unfinished import Unfinished
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.maskings import Masking

_SHARDS_EACH = 4  # of a process, from which on they are shared out rather than the maskings
_AHEAD = 2  # batches that wait for a CUDA device


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
    by_dataset: dict[DatasetCard, list[ScoreRequest]] = {}
    for request in requests:
        by_dataset.setdefault(request.dataset, []).append(request)
    for card, wanted in by_dataset.items():
        try:
            compute_on(source.dataset(card), wanted, source, progress)
        except AuditError as error:
            source.failures[card] = error


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
    job = _Job(dataset, source, loaded, Scoring(source, len(dataset.cases), progress))
    units = list(_units(dataset, job.requests, source.among))
    for wait in (False, True):  # first what no other process computes, then wait for the rest
        for name, shard, wanted in units:
            if not (missing := job.missing(wanted, shard)):
                continue
            with source.store.claim(name, wait, shard) as granted:
                if granted and (missing := job.missing(missing, shard)):
                    job.compute(missing, (name, shard))


def _units(
    dataset: Dataset, requests: Sequence[ScoreRequest], among: Part
) -> Iterator[tuple[str, int, Sequence[ScoreRequest]]]:
    """Units of work: the name of a row, the shard, and what is scored on it.

    Processes that share the work start at different units. Of a data set with few shards each takes
    some of the maskings, or most of them would wait for the last shard.
    """
    name, count = dataset.digest[:16], len(shards(len(dataset.cases)))
    first = among.number - 1
    if among.of == 1 or count >= _SHARDS_EACH * among.of:
        start = first * count // among.of
        yield from ((name, (start + shard) % count, requests) for shard in range(count))
        return
    maskings = sorted({request.shown for request in requests}, key=lambda masking: masking.rank)
    for turn in range(among.of):
        group = (first + turn) % among.of
        mine = set(maskings[group :: among.of])
        wanted = [request for request in requests if request.shown in mine]
        row = f"{name}-{group + 1}-of-{among.of}"
        yield from ((row, shard, wanted) for shard in range(count) if wanted)


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
        scoring: Scores its batches.
    """

    dataset: Dataset
    source: EvidenceSource
    requests: Sequence[ScoreRequest]
    scoring: Scoring

    def missing(self, requests: Sequence[ScoreRequest], shard: int) -> list[ScoreRequest]:
        store, source = self.source.store, self.source
        return [
            request
            for request in requests
            if not self.scoring.failed(request) and not store.has(request.key(source, shard))
        ]

    @cached_property
    def survey(self) -> Survey:
        """What the maskings may know of the data set; surveyed once for all shards."""
        wanted = Wanted(
            specs={_geometry(r): r.model.input for r in self.requests if not r.boxed},
            areas=sorted({r.shown.area for r in self.requests if r.shown.hides}),
            boxed={_geometry(r): (r.model.input, r.boxed) for r in self.requests if r.boxed},
        )
        maskings = [request.shown for request in self.requests]
        seed, store = self.source.profile.seed, self.source.store
        return survey_for(self.dataset, wanted, maskings, seed, store)

    def compute(self, requests: Sequence[ScoreRequest], unit: tuple[str, int]) -> None:
        _, shard = unit
        indices = range(shard * SHARD, min((shard + 1) * SHARD, len(self.dataset.cases)))
        columns = {r: ShardColumns(len(indices), len(r.model.targets)) for r in requests}
        excluded: dict[int, str] = {}
        unfinished = Unfinished(self.source, unit, columns, indices.start)
        left = [p for p in self._portions(requests, indices) if not unfinished.restore(p, excluded)]

        def finish(reads: Sequence[Read], portion: Sequence[int]) -> None:
            for read in reads:
                read()
            if portion and not any(map(self.scoring.failed, columns)):
                unfinished.keep(portion, excluded)

        staged: Iterable[Staged] = self._staged(requests, left, excluded)
        waiting: tuple[Sequence[Read], Sequence[int]] = (), ()
        on_gpu = self.source.profile.device == "cuda"
        for each in ahead(staged, _AHEAD) if on_gpu else staged:
            mine = {r: c for r, c in columns.items() if _geometry(r) == each.geometry}
            context = self.survey.at(each.geometry)
            reads = self.scoring.batch(each, context, mine, indices.start)
            if on_gpu:
                finish(*waiting)  # the batch before: the device now has work of this one
                waiting = reads, each.ends
            else:
                finish(reads, each.ends)
        finish(*waiting)
        for request, column in columns.items():
            if not self.scoring.failed(request):
                arrays = column.arrays({i - indices.start: why for i, why in excluded.items()})
                subject = self.source.subject(request)
                self.source.store.write(request.key(self.source, shard), arrays, subject)
        unfinished.clear()

    def _portions(self, requests: Sequence[ScoreRequest], indices: range) -> list[range]:
        """The images of a shard in portions, each of which is prepared and kept as a whole."""
        batches = self._batches(requests).values()
        ends = list(accumulate(parts(len(indices), max(batches))))
        return [indices[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _batches(self, requests: Sequence[ScoreRequest]) -> dict[Geometry, int]:
        """Images per batch, by geometry."""
        geometries = {_geometry(request) for request in requests}
        return {key: self.source.profile.batch_for(key[0]) for key in geometries}

    def _staged(
        self,
        requests: Sequence[ScoreRequest],
        portions: Sequence[range],
        excluded: dict[int, str],
    ) -> Iterator[Staged]:
        """The batches of a shard, by geometry; notes which images are excluded, and why."""
        maskings: dict[Geometry, set[Masking]] = {}
        for request in requests:
            maskings.setdefault(_geometry(request), set()).add(request.shown)
        wanted, profile = self.survey.wanted, self.source.profile
        batches = self._batches(requests)
        all_left = [index for portion in portions for index in portion]
        sizes = [len(portion) for portion in portions]
        for chunk, images in prepare_chunks(self.survey.make, all_left, sizes, profile.threads):
            for index, image in zip(chunk, images, strict=True):
                if isinstance(image, BadImage):
                    if self.dataset.card.on_bad_image == "error":
                        raise image
                    excluded[index] = image.what
            # A blank replaces a bad image, so that batches do not depend on what is excluded.
            whole = [blank(wanted) if isinstance(image, BadImage) else image for image in images]
            made = [
                (key, some, size)
                for key in sorted(maskings)
                for some, size in _divided(key, chunk, whole, batches[key])
            ]
            for number, (key, some, size) in enumerate(made, start=1):
                batch = stage(key, some, size, maskings[key], profile.device == "cuda")
                is_last = number == len(made) and chunk[-1] != all_left[-1]
                yield replace(batch, ends=chunk) if is_last else batch


def _geometry(request: ScoreRequest) -> Geometry:
    return geometry(request.model.input, request.boxed)


def _divided(
    key: Geometry, indices: Sequence[int], images: Sequence[Mapping[Geometry, Prepared]], batch: int
) -> Iterator[tuple[list[tuple[int, Prepared]], int]]:
    """Images at one geometry in batches, each with the size that it is filled up to."""
    at = [(index, image[key]) for index, image in zip(indices, images, strict=True)]
    first = 0
    for size in parts(len(at), batch):
        yield at[first : first + size], size
        first += size
