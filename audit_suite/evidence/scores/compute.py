"""Compute missing scores: each image is decoded once, masked once per masking, scored once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate

from audit_suite.cards import DatasetCard
from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.keys import shard_of, shards
from audit_suite.evidence.part import Part
from audit_suite.evidence.scores.batches import parts
from audit_suite.evidence.scores.geometry import Geometry, geometry
from audit_suite.evidence.scores.in_hand import ShardInHand
from audit_suite.evidence.scores.prepare import blank, prepare_chunks
from audit_suite.evidence.scores.prepared import Prepared
from audit_suite.evidence.scores.request import ScoreRequest, wanted_by
from audit_suite.evidence.scores.scoring import Read, Scoring
from audit_suite.evidence.scores.staging import Staged, ahead, stage
from audit_suite.evidence.scores.survey import Survey, survey_for
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.maskings import Masking

_SHARDS_EACH = 4  # of a process, from which on they are shared out rather than the maskings
_AHEAD = 2  # batches that wait for a CUDA device

_Unit = tuple[str, int, Sequence[ScoreRequest]]


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
    with ExitStack() as claims:
        job.compute(job.claimed(units, claims, wait=False))  # what no other process computes
        for shard in job.claimed(units, claims, wait=True):  # then the rest, if others died
            job.compute([shard])  # one at a time: who waits for another's claim holds none


def _units(dataset: Dataset, requests: Sequence[ScoreRequest], among: Part) -> Iterator[_Unit]:
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
        wanted = wanted_by(self.requests)
        maskings = [request.shown for request in self.requests]
        seed, store = self.source.profile.seed, self.source.store
        return survey_for(self.dataset, wanted, maskings, seed, store)

    def claimed(
        self, units: Iterable[_Unit], claims: ExitStack, wait: bool
    ) -> Iterator[ShardInHand]:
        """Claim units one after the other, and take up what an earlier run left of them.

        Args:
            units: The units of work.
            claims: Ends the claims that are left, whatever happens.
            wait: Wait for those that another process has claimed, else leave them out.
        """
        for name, shard, wanted in units:
            if not (missing := self.missing(wanted, shard)):
                continue
            claim = claims.enter_context(ExitStack())
            granted = claim.enter_context(self.source.store.claim(name, wait, shard))
            if granted and (missing := self.missing(missing, shard)):
                indices = shard_of(shard, len(self.dataset.cases))
                portions = self._portions(missing, indices)
                yield ShardInHand(self.source, (name, shard), missing, indices, portions, claim)
            else:
                claim.close()

    def compute(self, claimed: Iterable[ShardInHand]) -> None:
        """Score and store shards that are claimed.

        On CUDA the batches of all are staged in a thread ahead of the device, and each is read back
        when the device has work of the next one: a shard is often a single batch.
        """
        on_gpu = self.source.profile.device == "cuda"
        staged = self._staged(claimed)
        waiting: Callable[[], None] = _nothing
        finish: Callable[[], None]
        with closing(ahead(staged, _AHEAD) if on_gpu else staged) as coming:
            try:
                for shard, batch in coming:
                    reads = self._score(shard, batch)
                    ends = () if batch is None else batch.ends
                    finish = partial(shard.finish, reads, ends, self.scoring.failed)
                    if on_gpu:
                        finish, waiting = waiting, finish
                    finish()
            except Exception:  # a later image cannot be read: what was scored before it is stored
                waiting()
                raise
            waiting()

    def _score(self, shard: ShardInHand, batch: Staged | None) -> Sequence[Read]:
        if batch is None:
            return ()
        mine = {r: c for r, c in shard.columns.items() if _geometry(r) == batch.geometry}
        context = self.survey.at(batch.geometry)
        return self.scoring.batch(batch, context, mine, shard.indices.start)

    def _portions(self, requests: Sequence[ScoreRequest], indices: range) -> list[range]:
        """The images of a shard in portions, each of which is prepared and kept as a whole."""
        batches = self._batches(requests).values()
        ends = list(accumulate(parts(len(indices), max(batches))))
        return [indices[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _batches(self, requests: Iterable[ScoreRequest]) -> dict[Geometry, int]:
        """Images per batch, by geometry."""
        geometries = {_geometry(request) for request in requests}
        return {key: self.source.profile.batch_for(key[0]) for key in geometries}

    def _staged(
        self, claimed: Iterable[ShardInHand]
    ) -> Generator[tuple[ShardInHand, Staged | None], None, None]:
        """The batches of shards, by geometry; None where nothing of a shard is left to score."""
        for shard in claimed:
            if not shard.left:
                yield shard, None
            for batch in self._batches_of(shard):
                yield shard, batch

    def _batches_of(self, shard: ShardInHand) -> Iterator[Staged]:
        """The batches of a shard; notes which images are excluded, and why."""
        maskings: dict[Geometry, set[Masking]] = {}
        for request in shard.columns:
            maskings.setdefault(_geometry(request), set()).add(request.shown)
        wanted, profile = self.survey.wanted, self.source.profile
        batches = self._batches(shard.columns)
        all_left = [index for portion in shard.left for index in portion]
        sizes = [len(portion) for portion in shard.left]
        for chunk, images in prepare_chunks(self.survey.make, all_left, sizes, profile.threads):
            for index, image in zip(chunk, images, strict=True):
                if isinstance(image, BadImage):
                    if self.dataset.card.on_bad_image == "error":
                        raise image
                    shard.excluded[index] = image.what
            # A blank replaces a bad image, so that batches do not depend on what is excluded.
            whole = [blank(wanted) if isinstance(image, BadImage) else image for image in images]
            made = [
                (key, some, size)
                for key in sorted(maskings)
                for some, size in _divided(key, chunk, whole, batches[key])
            ]
            for number, (key, some, size) in enumerate(made, start=1):
                batch = stage(key, some, size, maskings[key], profile.device == "cuda")
                yield replace(batch, ends=chunk) if number == len(made) else batch


def _nothing() -> None:
    """Nothing waits to be read."""


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
